"""What callers may send, each kind of it to a host in a process of its own, with a plugin that is asked meanwhile.

Source: promise 16: bad input never gives a 5xx, a crash, a hang or an answer that is not strict JSON; and the first
invariant of a fault: the host lives, and everybody else is answered.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator

import msgspec
import pytest

from tests.integration.gateway.serving import Process, put_plugin, serving

PLUGIN = "class Plugin:\n    def score(self, task, candidates):\n        return [1.0 for _ in candidates]\n"
MANIFEST = '[plugin]\nname = "asked"\nversion = "1.0.0"\nhandles = ["scheduling"]\nentry = "plugin:Plugin"\n'
NODES = [{"id": f"n{n}", "cpuLoad": 10 * n, "memoryLoad": 10} for n in range(1, 4)]
DATA = {"task": {"id": "web", "cpuRequired": 20, "memoryRequired": 10}, "nodes": NODES}
TEXT = json.dumps(DATA)
ASKED_S = 30.0  # for an answer; a bound on the test: the machine may be busy


def request(deadline: str = "2000", data: str = TEXT, more: str = "") -> bytes:
    """A request, with one member of it as the test has it."""
    return f'{{"id":"r","type":"scheduling","deadlineMs":{deadline},{more}"data":{data}}}'.encode(
        "utf-8", "surrogatepass"
    )


def deep(levels: int) -> str:
    """An object that nests so deep."""
    return '{"a":' * levels + "1" + "}" * levels


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("callers")
    put_plugin(folder, "asked", MANIFEST, PLUGIN)
    with serving(folder, ENGINE_OPS_GATEWAY_BODY_TIMEOUT_S="1") as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.log, running.log[-3000:]


def post(host: Process, path: str, body: bytes) -> tuple[int, object]:
    """The status, and the body, which is strict JSON or nothing."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=ASKED_S)) as asked:
        asked.request("POST", path, body, {"Content-Type": "application/json"})
        reply = asked.getresponse()
        text = reply.read()
    return reply.status, msgspec.json.decode(text) if text else None


def call(host: Process, params: bytes) -> dict[str, object]:
    """`engine.optimize` over JSON-RPC with these parameters, which are whatever they are."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"engine.optimize","params":' + params + b"}"
    status, said = post(host, "/rpc", body)
    assert status == 200
    assert isinstance(said, dict)
    return said


def others_are_answered(host: Process) -> None:
    """A caller who does nothing wrong, and the plugin that is asked for him."""
    said = call(host, request())
    assert said["result"]["success"], said
    assert host.ask("/livez")[0] == 200
    assert host.ask("/readyz")[0] == 200


def is_refused(host: Process, params: bytes, code: int, says: str) -> None:
    """Both doors refuse it and say the reason; nobody else notices."""
    error = call(host, params)["error"]
    assert error["code"] == code
    assert says in json.dumps(error)
    status, problem = post(host, "/api/v1/optimize", params)
    assert status == 400
    assert says in json.dumps(problem)
    others_are_answered(host)


@pytest.mark.fault("caller-deadline")
@pytest.mark.parametrize("deadline", ["0", "-0.0", "-1", "-1e300", '"5"', "true", "[]"])
def test_a_deadline_that_is_none_is_refused_by_name(host, deadline):
    is_refused(host, request(deadline), -32602, "deadlineMs")


@pytest.mark.fault("caller-deadline")
@pytest.mark.parametrize("deadline", ["NaN", "Infinity", "1e400"])
def test_a_deadline_that_is_no_number_is_refused(host, deadline):
    is_refused(host, request(deadline), -32700, "finite number")


@pytest.mark.fault("caller-deadline")
@pytest.mark.parametrize("deadline", ["1e300", "1e18", "9007199254740993", "1e-320", "0.001", "null"])
def test_a_deadline_beyond_all_reason_is_answered_all_the_same(host, deadline):
    said = call(host, request(deadline))
    assert said["result"]["success"], said
    others_are_answered(host)


@pytest.mark.fault("caller-deep")
@pytest.mark.parametrize("levels", [65, 10_000, 100_000])
def test_a_request_that_nests_too_deep_is_refused(host, levels):
    is_refused(host, request(data=deep(levels)), -32700, "deeper")


@pytest.mark.fault("caller-keys-twice")
def test_a_key_twice_is_refused_wherever_it_stands(host):
    is_refused(host, request(more='"id":"q",'), -32700, "twice")
    is_refused(host, request(data=TEXT.replace('"n2"', '"n2","id":"n9"')), -32700, "twice")


@pytest.mark.fault("caller-number")
@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "1" * 5000])
def test_a_number_that_no_double_holds_is_refused(host, number):
    is_refused(host, request(data=TEXT.replace("20", number)), -32700, "finite number")


@pytest.mark.fault("caller-surrogate")
def test_half_a_character_is_refused(host):
    is_refused(host, request(data=TEXT.replace("n2", "\\ud800")), -32700, "-32700")


@pytest.mark.fault("caller-not-utf8")
@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_what_is_not_utf8_is_refused(host, bad):
    is_refused(host, request().replace(b"n2", bad), -32700, "UTF-8")


@pytest.mark.fault("caller-batch")
def test_a_batch_of_ten_thousand_is_one_refusal_and_one_of_a_thousand_is_answered(host):
    one = b'{"jsonrpc":"2.0","id":%d,"method":"host.info"}'
    status, said = post(host, "/rpc", b"[" + b",".join(one % n for n in range(10_000)) + b"]")
    assert (status, said["error"]["code"]) == (200, -32600)
    assert "at most 1000" in said["error"]["data"]["hint"]
    status, said = post(host, "/rpc", b"[" + b",".join(one % n for n in range(1000)) + b"]")
    assert sorted(each["id"] for each in said) == list(range(1000))
    assert all("result" in each for each in said)
    others_are_answered(host)


@pytest.mark.fault("caller-slow-body")
def test_a_body_that_does_not_come_keeps_nobody_waiting_and_is_given_up(host):
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with contextlib.ExitStack() as open_:
        slow = [
            open_.enter_context(socket.create_connection(("127.0.0.1", host.port), timeout=ASKED_S))
            for _ in range(50)
        ]
        for each in slow:
            each.sendall(head)
        others_are_answered(host)
        assert [each.recv(1000).split(b" ")[1] for each in slow] == [b"408"] * len(slow)


@pytest.mark.fault("caller-gone")
def test_callers_that_go_away_leave_nothing_behind(host):
    body = b'{"jsonrpc":"2.0","id":1,"method":"engine.optimize","params":' + request("60000") + b"}"
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for sent in (head % len(body) + body, head % len(body) + body[:40], head % len(body), b"POST"):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", host.port), timeout=ASKED_S) as caller:
                caller.sendall(sent)
    others_are_answered(host)
    assert host.rpc("plugins.get", {"name": "asked"})["result"]["state"] == "ready"

"""Who is let in, with what, and that nothing that goes wrong says more than it should."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from host.errors import ConfigError
from host.gateway.guards import is_this_machine
from host.gateway.http import FRONT, ListenError, bind_address, is_loopback, listen, make_app

CALL = {"jsonrpc": "2.0", "id": 1, "method": "host.info"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:3000", "127.9.9.9", "[::1]", "[::1]:3000"]
)
def test_names_that_can_only_mean_this_machine_are_let_in(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil",
        "192.168.0.1",
        "[::2]",
        "::1",
        "localhost:x",
        "0.0.0.0",
        "127.0.0.1 ",
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.fault("caller-other-site")
async def test_a_foreign_host_header_is_refused(served: Any) -> None:
    reply = await served.post("/rpc", CALL, Host="evil.example:3000")
    assert reply.status == 403
    assert "localhost" in reply.json()["error"]["message"]


async def test_a_request_without_a_host_header_is_refused(served: Any) -> None:
    reply = await served.raw(b"GET /livez HTTP/1.0\r\n\r\n")
    assert reply.status == 400


@pytest.mark.fault("caller-other-site")
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost", ""])
async def test_a_page_of_another_site_is_refused_before_anything_happens(served: Any, origin: str) -> None:
    reply = await served.request("POST", "/api/v1/plugins/forest/disable", Origin=origin)
    assert reply.status == 403
    assert served.host.changes == []


async def test_a_page_of_this_host_is_let_in(served: Any) -> None:
    assert (await served.post("/rpc", CALL, Origin=served.url)).status == 200


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"]
)
async def test_json_is_taken_under_each_of_its_names(served: Any, kind: str) -> None:
    assert (await served.post("/rpc", CALL, Content_Type=kind)).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "",
        "json",
        "application/jsonp",
    ],
)
async def test_anything_else_is_415_with_the_remedy(served: Any, kind: str) -> None:
    for path in ("/rpc", "/api/v1/optimize", "/api/v1/plugins/forest/enable"):
        reply = await served.post(path, CALL, Content_Type=kind)
        assert reply.status == 415
    assert served.host.changes == []


async def test_a_body_without_a_content_type_is_415(served: Any) -> None:
    reply = await served.request("POST", "/rpc", b"{}", drop="Content-Type")
    assert reply.status == 415


async def test_a_compressed_body_is_refused_and_not_inflated(served: Any) -> None:
    reply = await served.post("/rpc", gzip.compress(json.dumps(CALL).encode()), Content_Encoding="gzip")
    assert (reply.status, "compressed" in reply.json()["error"]["message"]) == (415, True)


@pytest.mark.fault("caller-large")
async def test_a_body_over_the_limit_is_413_before_it_is_read(served: Any) -> None:
    head = b"POST /api/v1/optimize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    reply = await served.raw(head + b"Content-Length: 200001\r\n\r\n")
    assert (reply.status, reply.json()["detail"]) == (
        413,
        "the body is larger than 200000 bytes; send less at once",
    )


@pytest.mark.fault("caller-large")
async def test_a_body_without_a_length_over_the_limit_is_413(served: Any) -> None:
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"186a0\r\n" + b" " * 100_000 + b"\r\n"
    reply = await served.raw(head + chunk * 3 + b"0\r\n\r\n")
    assert reply.status == 413


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("path", [b"/rpc", b"/api/v1/optimize"])
async def test_a_body_over_the_limit_that_came_with_its_headers_is_413(
    small: Any, monkeypatch: pytest.MonkeyPatch, path: bytes, waits: bool
) -> None:
    async def turn(how: Any) -> bool:
        return True

    turnstile = small.app[FRONT].door._waiting._turnstile
    monkeypatch.setattr(turnstile, "passes", lambda: not waits)
    monkeypatch.setattr(turnstile, "wait", turn)
    head = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for body in (
        b"Content-Length: 1001\r\n\r\n" + b" " * 1001,
        b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b" " * 1001 + b"\r\n0\r\n\r\n",
    ):
        assert (await small.raw(head + body)).status == 413


async def test_a_body_that_drips_is_408(served: Any) -> None:
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
    reply = await served.raw(head)
    assert (reply.status, "did not arrive" in reply.json()["error"]["message"]) == (408, True)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer hunter2\r\nbad header hunter2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"hunter2" * 3000 + b"\r\n\r\n",
        b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\nhunter2",
        b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhunter2",
    ],
)
async def test_what_is_not_http_is_a_400_that_sends_nothing_back(
    served: Any, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await served.raw(data)
    assert reply.status == 400
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert b"hunter2" not in reply.body
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/rpc/", "/api/v1/plugins/forest/delete", "/api/v1/plugins/a/b/c"]
)
async def test_an_unknown_path_is_a_404_problem(served: Any, path: str) -> None:
    reply = await served.get(path)
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
    assert path in reply.json()["detail"]


@pytest.mark.parametrize("line", [b"GET /nothing", b"PUT /rpc", b"OPTIONS *", b"CONNECT localhost:80"])
async def test_the_door_is_before_what_no_handler_answers_too(served: Any, line: bytes) -> None:
    foreign = await served.raw(line + b" HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    ours = await served.raw(line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (foreign.status, ours.status in (404, 405)) == (403, True)
    assert "traceparent" in ours.headers
    counted = (await served.request("GET", "/metrics")).body.decode()
    assert f'route="(no route)",status="{ours.status}"' in counted


async def test_a_wrong_verb_is_405_and_says_which_are_right(served: Any) -> None:
    reply = await served.get("/api/v1/optimize")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert reply.json()["detail"] == "'/api/v1/optimize' does not take GET; use POST"
    reply = await served.get("/rpc")
    assert (reply.status, reply.json()["error"]["code"]) == (405, -32600)


@pytest.mark.parametrize(
    "target", ["/\xff", "/api/v1/plugins/\xff\xfe", "/api/v1/plugins/workload-data/stats?type=\xff"]
)
async def test_raw_bytes_in_the_path_are_refused(served: Any, target: str) -> None:
    assert (await served.get(target)).status == 400


async def test_an_unknown_expectation_is_refused_without_repeating_it(served: Any) -> None:
    reply = await served.post("/rpc", CALL, Expect="hunter2")
    assert 400 <= reply.status < 500
    assert b"hunter2" not in reply.body


async def test_every_response_is_marked_nosniff_and_no_store(served: Any) -> None:
    for reply in (await served.get("/"), await served.get("/nowhere"), await served.post("/rpc", CALL)):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["server"] == "engine-ops"


async def test_a_host_of_headers_that_are_not_text_is_no_500(served: Any) -> None:
    reply = await served.get("/livez", Authorization="Bearer \xff\xfe", Cookie="\xff=\xff; ;;=")
    assert reply.status == 200


async def test_a_taken_port_is_an_error_that_names_it_and_the_remedy(served: Any) -> None:
    port = served.address[1]
    with pytest.raises(ListenError, match=f"port {port} on 127.0.0.1 is in use; .*--port"):
        await listen(make_app(served.host), "127.0.0.1", port)


@pytest.mark.parametrize("host", ["example.org", "", "127.0.0.1.evil", "127.0.0.1:80"])
def test_only_an_address_can_be_bound(host: str) -> None:
    with pytest.raises(ConfigError, match=r"give an address such as 127\.0\.0\.1"):
        bind_address(host)


def test_only_the_loopback_is_within_this_machine() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5"))


async def test_an_idle_connection_is_closed_by_the_host() -> None:
    from host.gateway.config import GatewayConfig

    class Nothing:
        def subscribe(self, listener: object) -> Any:
            return lambda: None

    runner, url = await listen(
        make_app(Nothing(), GatewayConfig(idle_timeout_s=0.1)),  # type: ignore[arg-type]
        "127.0.0.1",
        0,
    )
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(b"GET /livez HTTP/1.1\r\nHost: loc")  # headers that never end
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
    finally:
        await runner.cleanup()


async def test_a_client_that_waits_to_send_its_body_is_told_to_go_on(served: Any) -> None:
    body = json.dumps(CALL).encode()
    reader, writer = await asyncio.open_connection(*served.address)
    async with asyncio.timeout(5):
        writer.write(
            b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_whoever_watches_the_host_does_not_queue_with_its_callers(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(how: Any) -> bool:
        return await asyncio.Event().wait()

    turnstile = served.app[FRONT].door._waiting._turnstile
    monkeypatch.setattr(turnstile, "passes", lambda: False)
    monkeypatch.setattr(turnstile, "wait", never)
    for path in ("/livez", "/readyz", "/api/v1/health", "/metrics"):
        async with asyncio.timeout(20):
            assert (await served.get(path)).status == 200

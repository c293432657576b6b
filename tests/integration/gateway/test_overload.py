"""What callers are told when more come together than there is room for; the engine's places are scripted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from host.gateway.http import FRONT

REQUEST = {"id": "r", "type": "resource", "data": {"result": {"nodes": []}}}
CALL = {"jsonrpc": "2.0", "id": 7, "method": "engine.optimize", "params": REQUEST}


@pytest.fixture
def full(served: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host with no room for one request more, at which everybody has to wait for his turn."""
    served.host.room = False
    monkeypatch.setattr(served.app[FRONT].door._waiting._turnstile, "passes", lambda: _begins(served))
    return served


def _begins(served: Any) -> bool:
    turnstile = served.app[FRONT].door._waiting._turnstile
    if not turnstile._is_turning:
        turnstile._is_turning = True
        asyncio.get_running_loop().call_soon(turnstile._turn)
    return False


async def test_a_call_that_found_no_room_is_told_so_under_its_own_id_and_when_to_come_back(full: Any) -> None:
    reply = await full.post("/rpc", CALL)
    said = reply.json()
    assert (reply.status, said["id"], said["error"]["code"]) == (200, 7, -32029)
    assert said["error"]["data"]["retryAfterMs"] == 120
    assert said["error"]["data"]["kind"] == "busy"


async def test_on_rest_it_is_a_429_with_retry_after_and_the_members_the_seeds_clients_read(full: Any) -> None:
    reply = await full.post("/api/v1/optimize", REQUEST)
    assert reply.status == 429
    assert reply.headers["retry-after"] == "1"
    said = reply.json()
    assert (said["requestId"], said["success"], said["kind"]) == ("r", False, "busy")


async def test_a_notification_is_not_answered_even_then(full: Any) -> None:
    notification = {name: value for name, value in CALL.items() if name != "id"}
    assert (await full.post("/rpc", notification)).status == 204


async def test_what_asks_nothing_of_the_engine_is_answered_all_the_same(full: Any) -> None:
    assert "result" in await full.rpc("host.info")
    assert (await full.get("/api/v1/plugins")).status == 200
    assert (await full.post("/rpc", b"not JSON")).json()["error"]["code"] == -32700
    batch = (await full.post("/rpc", [CALL, {"jsonrpc": "2.0", "id": 8, "method": "host.info"}])).json()
    assert ["result" in each for each in batch] == [True, True]


async def test_who_was_sent_away_may_ask_again_on_the_same_connection(full: Any) -> None:
    body = json.dumps(CALL).encode()
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection(*full.address)
    async with asyncio.timeout(20):
        for room in (False, True):
            full.host.room = room
            writer.write(head % len(body) + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b"connection: close" not in answer
            size = int(answer.partition(b"content-length: ")[2].split(b"\r\n")[0])
            said = json.loads(await reader.readexactly(size))
            assert ("result" in said) is room
    writer.close()


async def test_while_its_body_is_still_coming_a_request_keeps_nobody_waiting_and_is_not_sent_away(
    full: Any,
) -> None:
    body = json.dumps(CALL).encode()
    head = b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection(*full.address)
    async with asyncio.timeout(20):
        writer.write(head % len(body) + body[:20])
        assert "result" in await full.rpc("host.info")
        writer.write(body[20:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_those_sent_away_are_counted_as_calls_that_ended_so(full: Any) -> None:
    await full.post("/rpc", CALL)
    figures = (await full.get("/metrics")).body.decode()
    assert 'engine_ops_calls_total{method="engine.optimize",outcome="busy"} 1.0' in figures

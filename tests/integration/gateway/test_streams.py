"""Events over a WebSocket and as server-sent events, as a client sees them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from host.registry.following import LogMark, LogNews

OPTIMIZE = {"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}}


@pytest.fixture
async def ws(served: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws") as connection:
        yield connection


async def call(ws: Any, method: str, params: object = None, id: object = 1) -> dict[str, Any]:
    """The answer to one call; events that come meanwhile are put aside."""
    await ws.send_json({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}})
    while True:
        answer: dict[str, Any] = await receive(ws)
        if answer.get("id") == id:
            return answer


async def receive(ws: Any) -> Any:
    async with asyncio.timeout(20):
        return json.loads((await ws.receive()).data)


async def test_every_method_can_be_called_over_the_socket(ws: Any) -> None:
    assert (await call(ws, "plugins.list"))["result"]["count"] == 1
    assert (await call(ws, "host.helth"))["error"]["data"]["hint"] == "did you mean 'host.health'?"
    await ws.send_str("[1, 2")
    assert (await receive(ws))["error"]["code"] == -32700
    await ws.send_str(
        '[{"jsonrpc":"2.0","id":1,"method":"host.info"},{"jsonrpc":"2.0","method":"host.info"}]'
    )
    assert len(await receive(ws)) == 1


async def test_calls_of_one_socket_run_beside_each_other(served: Any, ws: Any) -> None:
    hang = {**OPTIMIZE, "data": {"do": "hang"}}
    await ws.send_json({"jsonrpc": "2.0", "id": "slow", "method": "engine.optimize", "params": hang})
    assert (await call(ws, "host.info", id="quick"))["result"]["name"] == "engine-ops"
    await ws.close()
    async with asyncio.timeout(20):
        await served.host.cancelled.wait()  # the caller went away, and so did his call


async def test_decisions_and_predictions_come_as_they_are_made(served: Any, ws: Any) -> None:
    began = (await call(ws, "events.subscribe", {"topics": ["decisions", "predictions"]}))["result"]
    await served.rpc("engine.optimize", OPTIMIZE)
    await served.rpc("plugins.predict", {"name": "forest", "input": {"user": "mia"}})
    first, second = (await receive(ws))["params"], (await receive(ws))["params"]
    assert first["subscription"] == began["subscription"]
    assert (first["topic"], first["data"]["requestId"], first["data"]["decidedBy"]) == (
        "decisions",
        "r1",
        "builtin:least-loaded",
    )
    assert (second["topic"], second["data"]["plugin"], second["data"]["prediction"]) == (
        "predictions",
        "forest",
        {"runtimeMs": 1.5},
    )
    assert began["seq"] < first["seq"] < second["seq"]


async def test_plugins_states_and_the_hosts_log_are_topics(served: Any, ws: Any) -> None:
    await call(ws, "events.subscribe", {"topics": ["plugins", "training"]})
    served.host.events.publish("plugin:state", "forest", 5.0, {"was": "ready", "now": "backoff"})
    state = (await receive(ws))["params"]
    assert (state["topic"], state["data"]["event"], state["data"]["now"]) == (
        "plugins",
        "plugin:state",
        "backoff",
    )
    logging.getLogger("host.test").warning("plugin.trained", extra={"plugin": "forest", "points": 12})
    trained = (await receive(ws))["params"]
    assert (trained["topic"], trained["data"]["points"]) == ("training", 12)


async def test_what_a_plugin_writes_is_followed_while_somebody_listens(served: Any, ws: Any) -> None:
    marks: list[object] = []

    def log_news(name: str, mark: LogMark | None) -> LogNews:
        marks.append(mark)
        return LogNews(["\x1b[31mthree"], 7, {1: 10}) if len(marks) == 2 else LogNews([], 0, {1: 2})

    served.host.log_news = log_news
    await call(ws, "events.subscribe", {"topics": ["logs"]})
    told: list[dict[str, Any]] = []
    while len(told) < 2:
        data = (await receive(ws))["params"]["data"]
        told += [data] if data["source"] == "plugin" else []
    assert told == [
        {"source": "plugin", "plugin": "forest", "lost": 7},
        {"source": "plugin", "plugin": "forest", "line": "\x1b[31mthree"},
    ]
    assert marks[:2] == [None, {1: 2}], "what was there before is no news"


async def test_the_answer_to_a_subscription_comes_before_its_first_event(served: Any, ws: Any) -> None:
    for n in range(50):
        served.host.events.publish("plugin:state", "forest", 5.0, {"was": "ready", "now": str(n)})
    for n in range(20):
        wish = {"topics": ["plugins"], "resumeFrom": 0}
        await ws.send_json({"jsonrpc": "2.0", "id": n, "method": "events.subscribe", "params": wish})
        first = await receive(ws)
        assert first["id"] == n, first
        assert [(await receive(ws))["params"]["subscription"] for _ in range(50)] == [
            first["result"]["subscription"]
        ] * 50
        await call(ws, "events.unsubscribe", id="end")


async def test_figures_are_a_topic(ws: Any) -> None:
    await call(ws, "events.subscribe", {"topics": ["metrics"]})
    data = (await receive(ws))["params"]["data"]
    assert data["plugins"][0]["name"] == "forest"
    assert {"ready", "requests", "loopStallMs"} <= data.keys()


async def test_a_subscription_can_be_ended(served: Any, ws: Any) -> None:
    began = (await call(ws, "events.subscribe", {"topics": ["decisions"]}))["result"]
    one = {"subscription": began["subscription"]}
    assert (await call(ws, "events.unsubscribe", one))["result"] == {"ended": 1}
    assert (await call(ws, "events.unsubscribe", one))["result"] == {"ended": 0}
    await served.rpc("engine.optimize", OPTIMIZE)
    assert (await call(ws, "host.info"))["result"]["name"] == "engine-ops"  # and no event before it


async def test_over_plain_http_a_subscription_is_refused_with_the_way_to_it(served: Any) -> None:
    error = (await served.rpc("events.subscribe", {"topics": ["decisions"]}))["error"]
    assert (error["code"], "/ws" in error["data"]["hint"]) == (-32602, True)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"topics": []}, "topics"),
        ({"topics": ["decision"]}, "topics[0]"),
        ({"topics": ["logs"], "policy": "newest"}, "policy"),
        ({"topics": ["logs"], "queue": 0}, "queue"),
        ({"topics": ["logs"], "resumeFrom": -1}, "resumeFrom"),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(ws: Any, params: object, path: str) -> None:
    assert (await call(ws, "events.subscribe", params))["error"]["data"]["path"] == path


async def test_a_socket_of_a_page_of_another_site_is_refused(served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{served.url}/ws", headers={"Origin": "https://evil.example"})
    assert caught.value.status == 403
    assert (await served.get("/ws")).status == 426


async def test_a_message_that_is_too_large_ends_the_socket_and_not_the_host(served: Any, ws: Any) -> None:
    await ws.send_str("x" * 300_000)
    async with asyncio.timeout(20):
        message = await ws.receive()
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert (await served.get("/livez")).status == 200


class Stream:
    """A reader of server-sent events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def block(self) -> dict[str, str]:
        """The next block of lines, comments under an empty name."""
        found: dict[str, str] = {}
        async with asyncio.timeout(20):
            while line := (await self._response.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                found[name] = value
        return found


async def test_server_sent_events_carry_the_same_and_resume_by_their_id(served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{served.url}/events?topics=decisions"
        async with session.get(url) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            stream = Stream(response)
            assert (await stream.block())["retry"] == "1000"
            await served.rpc("engine.optimize", OPTIMIZE)
            first = await stream.block()
        await served.rpc("engine.optimize", {**OPTIMIZE, "id": "r2"})
        async with session.get(url, headers={"Last-Event-ID": first["id"]}) as response:
            stream = Stream(response)
            await stream.block()
            second = await stream.block()
    assert (first["event"], json.loads(first["data"])["data"]["requestId"]) == ("decisions", "r1")
    assert json.loads(second["data"])["data"]["requestId"] == "r2"
    assert int(second["id"]) == int(first["id"]) + 1


async def test_a_page_that_was_away_for_too_long_is_told_what_it_missed(served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Last-Event-ID": "5"}
        async with session.get(f"{served.url}/events?topics=decisions", headers=headers) as response:
            stream = Stream(response)
            await stream.block()
            told = await stream.block()
    assert told["event"] == "missed"
    assert json.loads(told["data"])["missed"] > 1_000_000


@pytest.mark.parametrize(
    "query", ["topics=nothing", "topic=logs", "policy=x", "queue=0", "topics=logs&topics=logs"]
)
async def test_a_stream_that_cannot_be_is_a_problem_document(served: Any, query: str) -> None:
    reply = await served.get(f"/events?{query}")
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")


async def test_when_the_host_stops_readers_are_told(served: Any, ws: Any) -> None:
    await call(ws, "events.subscribe", {"topics": ["decisions"]})
    stopping = asyncio.create_task(served.runner.cleanup())
    async with asyncio.timeout(20):
        while (message := await ws.receive()).type == aiohttp.WSMsgType.TEXT:
            assert json.loads(message.data)["method"] == "eventsEnded"
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        await stopping

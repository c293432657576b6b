"""What a plugin says while it works, as a client of the host hears it: its log, and how far its training is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.integration.gateway.serving import Process, put_plugin, serving

MANIFEST = """
[plugin]
name = "talker"
version = "1.0.0"
handles = ["ml-driven"]
entry = "plugin:Talker"
"""
CODE = """
import sys, time
from plugin_sdk import BaseMLModel, CallContext, PredictionResult

class Talker(BaseMLModel):
    def __init__(self):
        super().__init__("talker")

    def train(self, data):
        for n in range(1, 5):
            CallContext.current().progress(n / 4, f"round {n} <script>")
            time.sleep(0.15)
        self.is_trained = True

    def predict(self, input_data):
        sys.stderr.write("".join(f"line {n}\\n" for n in range(input_data["lines"])))
        sys.stderr.flush()
        return PredictionResult(1.0, 1.0, self.model_id, {})
"""
POINTS = [
    {"timestamp": float(n), "requestType": "x", "resourceUsage": {"cpu": 1}, "duration": 5, "success": True}
    for n in range(12)
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("host")
    put_plugin(folder, "talker", MANIFEST, CODE)
    with serving(folder) as running:
        yield running


class Line:
    """One connection to the host."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    async def call(self, method: str, **params: Any) -> Any:
        await self._ws.send_json({"jsonrpc": "2.0", "id": method, "method": method, "params": params})

    async def until(self, done: Any) -> list[dict[str, Any]]:
        """The messages up to the first that is *done*."""
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while not heard or not done(heard[-1]):
                heard.append(json.loads((await self._ws.receive()).data))
        return heard


@pytest.fixture
async def line(host: Process) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{host.url}/ws") as ws:
        line = Line(ws)
        state = ""
        async with asyncio.timeout(60):
            while state != "ready":
                await line.call("plugins.get", name="talker")
                state = (await line.until(lambda message: True))[0]["result"]["state"]
        yield line


async def test_how_far_a_training_is_is_told_on_the_topic_of_trainings(line: Line) -> None:
    await line.call("events.subscribe", topics=["training"])
    await line.call("workload.record", points=POINTS)
    await line.until(lambda message: message.get("id") == "workload.record")
    await line.call("plugins.train", name="talker")
    # The host may train it as well, by itself: whichever comes first.
    heard = await line.until(lambda message: message.get("params", {}).get("data", {}).get("fraction") == 1.0)
    told = [each["params"]["data"] for each in heard if each.get("method") == "event"]
    progress = [each for each in told if each.get("event") == "plugin:progress"]
    assert progress[-1]["message"] == "round 4 <script>"
    assert progress[0]["fraction"] < 1.0
    assert {(each["plugin"], each["method"]) for each in progress} == {("talker", "train")}


async def test_lines_that_were_too_many_to_be_kept_are_counted(line: Line) -> None:
    await line.call("workload.record", points=POINTS)
    await line.until(lambda message: message.get("id") == "workload.record")
    answer: dict[str, Any] = {}
    while "result" not in answer:  # until it has been trained
        await line.call("plugins.predict", name="talker", input={"lines": 0})
        answer = (await line.until(lambda message: message.get("id") == "plugins.predict"))[-1]
    await line.call("events.subscribe", topics=["logs"])
    await line.until(lambda message: message.get("id") == "events.subscribe")
    await line.call("plugins.predict", name="talker", input={"lines": 3000})
    heard = await line.until(
        lambda message: message.get("params", {}).get("data", {}).get("line") == "line 2999"
    )
    data = [each["params"]["data"] for each in heard if each.get("method") == "event"]
    lines = [each["line"] for each in data if each.get("source") == "plugin" and "line" in each]
    lost = sum(each.get("lost", 0) for each in data)
    assert lost > 0
    assert len(lines) + lost >= 3000
    assert lines[-2:] == ["line 2998", "line 2999"]

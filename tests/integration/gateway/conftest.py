"""A scripted host behind a real server on a free port, and clients that are no part of this project."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web

from host.errors import BusyError, NoAnswerError, NotFoundError
from host.gateway.api import Page, Selection, TrainingWish
from host.gateway.config import GatewayConfig
from host.gateway.http import listen, make_app
from host.registry.events import EventFeed, PluginEvent
from host.registry.following import LogMark, LogNews
from host.registry.learning import KeptState
from host.workload.store.lines import encode_lines
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.messages import Abstained, Prediction, TrainReply
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint

VIEW = {
    "name": "forest",
    "version": "1.2.0",
    "description": "Predicts",
    "author": "somebody",
    "supportedTypes": ["scheduling"],
    "config": {"enabled": True, "priority": 10, "config": {}},
    "state": "ready",
    "calls": 3,
    "memoryBytes": 50_000_000,
}


@dataclass
class ScriptedHost:
    """A `HostApi` that answers from the request: `data.result`, or what `data.do` says."""

    points: list[WorkloadDataPoint] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    is_ready: bool = True
    room: bool = True
    keys: list[str] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)
    events: EventFeed = field(default_factory=EventFeed)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    view: dict[str, Any] = field(default_factory=lambda: dict(VIEW))

    async def optimize(self, request: OptimizeRequest) -> Answer:
        match request.data.get("do"):
            case "nobody":
                raise NoAnswerError("no plugin handles ml-driven", hint="drop one in")
            case "break":
                raise RuntimeError("the password is hunter2")
            case "hang":
                self.hanging.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
        success = request.data.get("do") != "fail"
        return Answer(
            request_id=request.id,
            success=success,
            result=request.data.get("result"),
            error=None if success else "no item fits any node",
            metrics=AnswerMetrics(duration_ms=2, score=0.5),
            decided_by="builtin:least-loaded",
            strategy="best",
            degraded=False,
            candidates=[],
        )

    def is_large(self, entries: int) -> bool:
        return entries > 100

    def has_room(self, *, large: bool) -> bool:
        return self.room

    def turned_away(self, *, large: bool, waiting: int) -> BusyError:
        return BusyError("there is more to do than can be done", retry_after_ms=120)

    def plugins(self) -> list[dict[str, Any]]:
        return [self.view]

    def refused(self) -> list[dict[str, str]]:
        return [{"folder": "plugins/typo", "why": "plugins/typo/plugin.toml:4: plugin.handels is not a key"}]

    def plugin(self, name: str) -> dict[str, Any]:
        if name != "forest":
            raise NotFoundError(f"no plugin is called {name!r}", value=name, hint="did you mean 'forest'?")
        return self.view

    async def enable(self, name: str) -> None:
        self._change("enable", name)

    async def disable(self, name: str) -> None:
        self._change("disable", name)

    async def restart(self, name: str) -> None:
        self._change("restart", name)

    async def states(self, name: str) -> list[KeptState]:
        self.plugin(name)
        kept = KeptState(
            version=2, standing="kept", next=True, fits=True, bytes=10, seq=7, saved_at=1.7e12, format="skops"
        )
        return [kept, KeptState(version=1, standing="damaged", next=False, fits=False)]

    async def roll_back(self, name: str, version: int | None) -> int:
        self._change("roll_back", name)
        return version or 1

    async def configure(self, name: str, given: dict[str, Any]) -> None:
        self._change("configure", name)
        self.configured = given

    async def train(self, name: str) -> TrainReply:
        self._change("train", name)
        return TrainReply(trained=True, metrics={"points": 12.0})

    async def predict(self, name: str, input: Any, deadline_s: float | None) -> Prediction | Abstained:
        self.plugin(name)
        self.deadlines.append(deadline_s)
        if input == "no":
            return Abstained("not my kind")
        return Prediction({"runtimeMs": 1.5}, 0.5, "forest-1", {"trees": 3}, {"0.9": 2.0})

    async def predict_many(
        self, name: str, inputs: list[Any], deadline_s: float | None
    ) -> list[Prediction | Abstained | Exception]:
        return [await self.predict(name, each, deadline_s) for each in inputs]

    async def optimize_many(self, requests: list[OptimizeRequest], read_s: float) -> list[Answer | Exception]:
        outcomes: list[Answer | Exception] = []
        for each in requests:
            try:
                outcomes.append(await self.optimize(each))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    def subscribe(self, listener: Callable[[PluginEvent], None]) -> Callable[[], None]:
        return self.events.subscribe(listener)

    def cache_statistics(self) -> dict[str, Any]:
        return {"enabled": True, "hits": 3, "misses": 1, "size": 1, "evictions": 0, "hitRate": 0.75}

    def _change(self, what: str, name: str) -> None:
        self.plugin(name)
        self.changes.append((what, name))

    def logs(self, name: str, limit: int) -> list[str]:
        self.plugin(name)
        return ["one", "\x1b[31mtwo"][-limit:]

    def log_news(self, name: str, mark: LogMark | None) -> LogNews:
        return LogNews([], 0, {1: 2})

    async def record(self, points: list[WorkloadDataPoint], key: str | None = None) -> int:
        if key is not None:
            self.keys.append(key)
            if self.keys.count(key) > 1:
                return len(points)
        self.points += points
        return len(points)

    async def workload_stats(self, selection: Selection) -> dict[str, Any]:
        self.selections.append(selection)
        count = len(self.points)
        part = {"count": count, "successRate": 1.0, "avgDuration": 2.5}
        return {
            "totalRequests": count,
            "successRate": 1.0,
            "avgDuration": 2.5,
            "byType": {"scheduling": part},
        }

    async def workload_query(self, selection: Selection) -> Page:
        self.selections.append(selection)
        seqs = list(range(1, len(self.points) + 1))
        return Page([msgspec.Raw(line) for line in encode_lines(self.points)], seqs)

    async def workload_export(self, selection: Selection) -> AsyncIterator[list[bytes]]:
        self.selections.append(selection)
        for point in self.points:
            yield encode_lines([point])

    async def training_format(self, selection: Selection, wish: TrainingWish | None = None) -> dict[str, Any]:
        self.selections.append(selection)
        return {"features": [], "labels": [], "metadata": {"featureNames": [], "size": 0}}

    def host_info(self) -> dict[str, Any]:
        return {"name": "engine-ops"}

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}

    def ready(self) -> tuple[bool, list[str]]:
        return self.is_ready, [] if self.is_ready else ["stopping"]


@dataclass
class Reply:
    """What came back over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(word: str) -> Any:
    raise AssertionError(f"{word} is not JSON")


@dataclass
class Served:
    """The scripted host, where it listens, and bytes to and from it."""

    host: ScriptedHost
    url: str
    app: web.Application
    runner: web.AppRunner

    @property
    def address(self) -> tuple[str, int]:
        name, port = self.url.removeprefix("http://").rsplit(":", 1)
        return name, int(port)

    async def raw(self, data: bytes) -> Reply:
        """Sends *data* as it is and reads one response, or to the end."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            async with asyncio.timeout(10):
                writer.write(data)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
            return Reply(int(lines[0].split()[1]), headers, body)
        finally:
            writer.close()
            await writer.wait_closed()

    async def request(
        self, method: str, path: str, body: bytes | None = None, *, drop: str = "", **headers: str
    ) -> Reply:
        """One request with well-behaved headers; `Content_Type="..."` replaces one, *drop* leaves one out."""
        sent = {"Host": self.url.removeprefix("http://")}
        if body is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent.pop(drop, None)
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return await self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b""))

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.request("GET", path, **headers)

    async def post(self, path: str, value: object, **headers: str) -> Reply:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return await self.request("POST", path, body, **headers)

    async def rpc(self, method: str, params: object = None) -> dict[str, Any]:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {} if params is None else params}
        reply = await self.post("/rpc", call)
        assert reply.status == 200
        answered: dict[str, Any] = reply.json()
        return answered


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with _serving(max_body_bytes=200_000) as served:
        yield served


@pytest.fixture
async def small() -> AsyncIterator[Served]:
    """Takes bodies of 1,000 bytes at most."""
    async with _serving(max_body_bytes=1000) as served:
        yield served


@contextlib.asynccontextmanager
async def _serving(max_body_bytes: int) -> AsyncIterator[Served]:
    host = ScriptedHost()
    config = GatewayConfig(max_body_bytes=max_body_bytes, body_timeout_s=0.3, shutdown_timeout_s=1.0)
    app = make_app(host, config)
    runner, url = await listen(app, "127.0.0.1", 0)
    try:
        yield Served(host, url, app, runner)
    finally:
        await runner.cleanup()

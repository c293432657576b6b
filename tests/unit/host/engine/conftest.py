"""Scripted plugins: what a registry would hand out, saying what the test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from host.clock import SystemClock
from host.engine.engine import Engine, EngineConfig
from host.errors import CallLateError, NotFoundError
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Capability
from plugin_sdk.contract.problems import OptimizeRequest


class ScriptedPlugin:
    """Answers each method with a value, bytes, an exception, or what a function of the parameters returns."""

    def __init__(self, name: str = "scripted", priority: int = 0, **says: Any) -> None:
        self.name = name
        self.by = f"{name}@1.0.0"
        self.priority = priority
        self.capabilities: Mapping[str, Capability] = {method: Capability() for method in says}
        self.state: Any = 0
        self._says = says
        self.calls: list[tuple[str, Any]] = []
        self.cancelled = 0
        self.retracted: list[str] = []

    def retract(self, method: str, why: str) -> None:
        self.retracted.append(method)

    async def lose_caller(self, asking: asyncio.Task[Any]) -> None:
        """Waits until *asking* has asked it, which then goes away."""
        while not self.calls:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        asked = msgspec.json.decode(params)
        self.calls.append((method, asked))
        said = self._says[method]
        if said is HANG:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if said is LATE:
            await asyncio.sleep(max(0.0, deadline - SystemClock().now()))
            raise CallLateError(self.name, "no answer by the deadline")
        await asyncio.sleep(0)  # nobody answers in the turn of the loop in which he is asked
        if callable(said):
            said = said(asked)
        if isinstance(said, BaseException):
            raise said
        return msgspec.Raw(said if isinstance(said, bytes) else msgspec.json.encode(said))


HANG = object()
LATE = object()


class ListedPlugins:
    """A directory of a fixed list; each plugin handles every type."""

    def __init__(self, plugins: Sequence[ScriptedPlugin]) -> None:
        self.down: Sequence[str] = ()
        self._plugins = sorted(plugins, key=lambda each: (-each.priority, each.name))

    def askable(self, request_type: str) -> Sequence[ScriptedPlugin]:
        return self._plugins

    def named(self, name: str) -> ScriptedPlugin:
        found = next((each for each in self._plugins if each.name == name), None)
        if found is None:
            raise NotFoundError(f"there is no plugin named {name!r}")
        return found

    def absent(self, request_type: str) -> Sequence[str]:
        return self.down


class KeptHistory:
    """Remembers what was recorded."""

    def __init__(self) -> None:
        self.records: list[tuple[OptimizeRequest, Answer]] = []

    def size(self) -> int:
        return len(self.records)

    def record(self, request: OptimizeRequest, answer: Answer) -> None:
        self.records.append((request, answer))


class Rig:
    """An engine with scripted plugins around it."""

    HANG = HANG
    LATE = LATE
    Plugin = ScriptedPlugin

    def __init__(self) -> None:
        self.history = KeptHistory()
        self.down: Sequence[str] = ()

    def engine(self, *plugins: ScriptedPlugin, **config: Any) -> Engine:
        listed = ListedPlugins(plugins)
        listed.down = self.down
        config.setdefault("refine_from_s", 0.0)  # the refiner's process is tests/integration/engine's subject
        return Engine(listed, self.history, SystemClock(), EngineConfig(**config))

    async def ask(self, type_: str, data: dict[str, Any], *plugins: ScriptedPlugin, **request: Any) -> Answer:
        config = request.pop("config", {})
        return await self.engine(*plugins, **config).optimize(OptimizeRequest("r1", type_, data, **request))


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def within() -> Callable[[float], Any]:
    """A bound in seconds on what happens inside."""
    return asyncio.timeout

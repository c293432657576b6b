"""The host as its front door sees it: engine, registry and history behind one interface.

Implements `host.gateway.api.HostApi`; each method is a line or two, since the work is done in the rooms.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

import host
from host.clock import Clock
from host.engine.engine import Engine
from host.errors import BusyError, CapabilityMissingError, EngineOpsError, PluginError
from host.gateway.api import Page, Selection
from host.registry.entry import Keeper, PluginEntry
from host.registry.events import PluginEvent
from host.registry.following import LogMark, LogNews
from host.registry.learning import KeptState
from host.registry.registry import Registry
from host.registry.settings import read_change
from host.registry.view import PluginView
from host.supervisor.memory import resident_bytes
from host.supervisor.supervisor import Supervisor
from host.workload.history import History
from host.workload.keeping import KeptStates
from host.workload.teacher import Teacher
from host.workload.training import TrainingWish
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import PROTOCOL_MAX, PROTOCOL_MIN, Abstained, Prediction, TrainReply
from plugin_sdk.contract.problems import ProblemError
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint


class Host:
    """One running host. Used on the event loop's thread alone."""

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        supervisor: Supervisor,
        history: History,
        clock: Clock,
        teacher: Teacher,
        states: KeptStates,
    ) -> None:
        self._states = states
        self._teacher = teacher
        self._engine = engine
        self._registry = registry
        self._supervisor = supervisor
        self._history = history
        self._clock = clock
        self._started_ms = clock.wall_ms()
        self.draining = False

    def optimize(self, request: OptimizeRequest) -> Coroutine[Any, Any, Answer]:
        return self._engine.optimize(request)

    def is_large(self, entries: int) -> bool:
        return self._engine.is_large(entries)

    def has_room(self, *, large: bool) -> bool:
        return self._engine.has_room(large=large)

    def turned_away(self, *, large: bool, waiting: int) -> BusyError:
        return self._engine.turned_away(large=large, waiting=waiting)

    async def optimize_many(
        self, requests: Sequence[OptimizeRequest], read_s: float = 0.0
    ) -> Sequence[Answer | EngineOpsError | ProblemError]:
        return await self._engine.optimize_many(requests, read_s)

    async def predict(self, name: str, input: Any, deadline_s: float | None) -> Prediction | Abstained:
        return await self._engine.predict(name, input, deadline_s)

    async def predict_many(
        self, name: str, inputs: Sequence[Any], deadline_s: float | None
    ) -> Sequence[Prediction | Abstained | PluginError]:
        return await self._engine.predict_many(name, inputs, deadline_s)

    def cache_statistics(self) -> Mapping[str, Any]:
        """`{enabled, size, maxSize, ttlMs, hits, misses, joined, dropped, evictions, expired, hitRate}`."""
        stats: dict[str, Any] = msgspec.to_builtins(self._engine.cache_statistics())
        return stats

    def plugins(self) -> Sequence[PluginView]:
        return [_keeper(entry).view() for entry in self._registry.all()]

    def plugin(self, name: str) -> PluginView:
        return _keeper(self._registry.get(name)).view()

    async def enable(self, name: str) -> None:
        await _keeper(self._registry.get(name)).enable()

    async def disable(self, name: str) -> None:
        await _keeper(self._registry.get(name)).disable()

    async def restart(self, name: str) -> None:
        await _keeper(self._registry.get(name)).restart()

    async def configure(self, name: str, given: Mapping[str, Any]) -> None:
        """*given* has any of `priority`, `enabled`, `config` and `limits`; a ProblemError says what is wrong with it."""
        await _keeper(self._registry.get(name)).configure(read_change(given))

    async def train(self, name: str) -> TrainReply:
        plugin = self._registry.named(name)
        if "train" not in plugin.capabilities:
            raise CapabilityMissingError(name, "it has no train: it does not learn from history")
        return await self._teacher.train_now(plugin)

    async def states(self, name: str) -> Sequence[KeptState]:
        return await self._states.every(self._registry.get(name))

    async def roll_back(self, name: str, version: int | None) -> int:
        entry = self._registry.get(name)  # it may be down: its newest state may be why
        chosen = await self._states.roll_back(entry, version)
        await _keeper(entry).restart()
        return chosen

    def subscribe(self, listener: Callable[[PluginEvent], None]) -> Callable[[], None]:
        return self._registry.events.subscribe(listener)

    def logs(self, name: str, limit: int) -> Sequence[str]:
        return _keeper(self._registry.get(name)).logs(limit)

    def log_news(self, name: str, mark: LogMark | None) -> LogNews:
        return _keeper(self._registry.get(name)).log_news(mark)

    def refused(self) -> list[dict[str, str]]:
        """Folders that are no plugins, and why."""
        return [{"folder": str(each.folder), "why": each.why} for each in self._supervisor.refused]

    async def record(self, points: list[WorkloadDataPoint], key: str | None = None) -> int:
        recorded = await self._history.record(points, key)
        self._engine.outcomes(points)
        return recorded

    async def workload_stats(self, selection: Selection) -> Mapping[str, Any]:
        return await self._history.statistics(selection)

    async def workload_query(self, selection: Selection) -> Page:
        return await self._history.query(selection)

    def workload_export(self, selection: Selection) -> AsyncIterator[list[bytes]]:
        return self._history.chunks(selection)

    async def training_format(
        self, selection: Selection, wish: TrainingWish | None = None
    ) -> Mapping[str, Any]:
        return await self._history.training(selection, wish)

    def host_info(self) -> Mapping[str, Any]:
        sandbox = self._supervisor.sandbox
        return {
            "name": "engine-ops",
            "version": host.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
            "pid": os.getpid(),
            "eventLoop": _loop_name(),
            "startedAt": self._started_ms,
            "uptimeMs": self._clock.wall_ms() - self._started_ms,
            "memoryBytes": resident_bytes(os.getpid()),
            "protocol": {"min": PROTOCOL_MIN, "max": PROTOCOL_MAX},
            "plugins": {
                "directory": str(self._supervisor.directory),
                "count": len(self._registry.all()),
                "ready": len(self._registry.ready()),
                "refused": self.refused(),
            },
            "history": self._history.status(),
            "engine": {
                "admission": msgspec.to_builtins(self._engine.admission_statistics()),
                "advisers": msgspec.to_builtins(self._engine.advisers()),
            },
            "isolation": {"tier": sandbox.tier, "layers": sandbox.layers},
        }

    def health(self) -> Mapping[str, Any]:
        ready, reasons = self.ready()
        states: dict[str, int] = {}
        for view in self.plugins():
            states[view.state] = states.get(view.state, 0) + 1
        return {
            "status": "draining" if self.draining else "ok" if ready else "degraded",
            "version": host.__version__,
            "uptimeMs": self._clock.wall_ms() - self._started_ms,
            "plugins": states,
            "refusedFolders": len(self._supervisor.refused),
            "history": self._history.status(),
            "reasons": list(reasons),
        }

    def ready(self) -> tuple[bool, Sequence[str]]:
        # A bad plugin never makes the host unready: the built-ins answer.
        reasons = ["the host is stopping"] if self.draining else []
        if (why := self._history.trouble) is not None:
            reasons.append(f"what is recorded cannot be kept: {why}")
        return not reasons, reasons


def _keeper(entry: PluginEntry) -> Keeper:
    assert entry.keeper is not None  # set by PluginKeeper's constructor, before the entry is registered
    return entry.keeper


def _loop_name() -> str:
    return "uvloop" if "uvloop" in sys.modules else "asyncio"

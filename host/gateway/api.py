"""What the gateway asks of the host behind it. `host.app` implements it from engine, registry and workload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from host.errors import BusyError
from host.registry.events import PluginEvent
from host.registry.following import LogMark as LogMark
from host.registry.following import LogNews as LogNews
from host.registry.learning import KeptState
from host.workload.selection import Page as Page
from host.workload.selection import Selection as Selection
from host.workload.training import TrainingWish as TrainingWish
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Abstained, Prediction, TrainReply
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint

PluginView = msgspec.Struct | Mapping[str, Any]
"""A plugin for readers: `registry.view.PluginView`, or a mapping with its camelCase names. It is passed
through as it is, so a new member of the view needs no change here."""


class HostApi(Protocol):
    """The host, as its front door knows it.

    Any method may raise an `EngineOpsError` or a `ProblemError`: both reach the caller with their text.
    Whatever else is raised reaches the caller as "internal error" with an id to find in the log.
    """

    async def optimize(self, request: OptimizeRequest) -> Answer:
        """The checked answer, by `request.deadline_ms`. Cancelled when the caller goes away."""
        ...

    def is_large(self, entries: int) -> bool:
        """Whether a request with so many items or jobs has a place among the large ones."""
        ...

    def has_room(self, *, large: bool) -> bool:
        """Whether one more optimize request, begun now, would have a place or a short wait for one."""
        ...

    def turned_away(self, *, large: bool, waiting: int) -> BusyError:
        """What the caller of a request is told that there was no room for in time; it is counted."""
        ...

    def plugins(self) -> Sequence[PluginView]:
        """Every plugin, highest priority first."""
        ...

    def refused(self) -> Sequence[Mapping[str, str]]:
        """Folders of the plugins directory that cannot be plugins as they are: `{folder, why}`."""
        ...

    def plugin(self, name: str) -> PluginView:
        """One plugin in full.

        Raises:
            NotFoundError: No plugin has this name; near names stand in its hint.
        """
        ...

    async def enable(self, name: str) -> None: ...

    async def disable(self, name: str) -> None: ...

    async def restart(self, name: str) -> None: ...

    async def configure(self, name: str, given: Mapping[str, Any]) -> None:
        """Takes the operator's word on a plugin: any of `priority`, `enabled`, `config` and `limits`.

        Raises:
            NotFoundError, ProblemError: There is no such plugin, or a value cannot be used.
        """
        ...

    async def train(self, name: str) -> TrainReply:
        """Trains one plugin on the history, now.

        Raises:
            PluginError: It failed, or took longer than its `train_timeout`.
        """
        ...

    async def states(self, name: str) -> Sequence[KeptState]:
        """What is kept of what the plugin saved, the newest first."""
        ...

    async def roll_back(self, name: str, version: int | None) -> int:
        """Starts the plugin anew from an earlier state, by default the one before the newest; which it was.

        Raises:
            RequestError: There is no such state, or it is not one that it can be started from.
        """
        ...

    async def predict(self, name: str, input: Any, deadline_s: float | None) -> Prediction | Abstained:
        """One plugin's prediction, by *deadline_s* from now.

        Raises:
            PluginError: It has none that can be used.
        """
        ...

    async def predict_many(
        self, name: str, inputs: Sequence[Any], deadline_s: float | None
    ) -> Sequence[Prediction | Abstained | Exception]:
        """One entry an input, in their order."""
        ...

    async def optimize_many(
        self, requests: Sequence[OptimizeRequest], read_s: float
    ) -> Sequence[Answer | Exception]:
        """One entry a request, in their order; their deadlines count from *read_s* ago, when the first of them was read."""
        ...

    def subscribe(self, listener: Callable[[PluginEvent], None]) -> Callable[[], None]:
        """Tells *listener* of every event of a plugin; what is returned ends that."""
        ...

    def cache_statistics(self) -> Mapping[str, Any]:
        """`{enabled, hits, misses, size, evictions, hitRate}` of the cache of answers."""
        ...

    def logs(self, name: str, limit: int) -> Sequence[Any]:
        """The last *limit* lines of the plugin's log, oldest first."""
        ...

    def log_news(self, name: str, mark: LogMark | None) -> LogNews:
        """What the plugin wrote since *mark*; nothing where that is `None`."""
        ...

    async def record(self, points: list[WorkloadDataPoint], key: str | None = None) -> int:
        """Keeps the points; how many were kept. Returns when they are on stable storage.

        Args:
            key: The same points under the same key, within a day, are kept once, also by a host started anew.

        Raises:
            RequestError: A point cannot be kept, or the key stands for other points.
            HistoryUnavailableError, BusyError: They were not recorded.
        """
        ...

    async def workload_stats(self, selection: Selection) -> Mapping[str, Any]:
        """`{totalRequests, successRate, avgDuration, byType}` of the selected points."""
        ...

    async def workload_query(self, selection: Selection) -> Page:
        """The most recent of the selected points, oldest first, and where the page before it ends."""
        ...

    def workload_export(self, selection: Selection) -> AsyncIterator[list[bytes]]:
        """All of the selected points, oldest first, each as JSON, a bounded number at a time."""
        ...

    async def training_format(
        self, selection: Selection, wish: TrainingWish | None = None
    ) -> Mapping[str, Any]:
        """`{features, labels, metadata: {featureNames, size}}` of the selected points, and more where a target is wished for."""
        ...

    def host_info(self) -> Mapping[str, Any]: ...

    def health(self) -> Mapping[str, Any]: ...

    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether requests can be answered, and if not, why not."""
        ...

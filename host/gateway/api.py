"""What the gateway asks of the host behind it. `host.app` implements it from engine, registry and workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from host.workload.collector import Selection as Selection
from plugin_sdk.contract.answers import Answer
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

    def logs(self, name: str, limit: int) -> Sequence[Any]:
        """The last *limit* lines of the plugin's log, oldest first."""
        ...

    async def record(self, points: list[WorkloadDataPoint]) -> int:
        """Keeps the points; how many were kept."""
        ...

    async def workload_stats(self, selection: Selection) -> Mapping[str, Any]:
        """`{totalRequests, successRate, avgDuration, byType}` of the selected points."""
        ...

    async def workload_query(self, selection: Selection) -> Sequence[WorkloadDataPoint]:
        """The selected points, oldest first."""
        ...

    async def training_format(self, selection: Selection) -> Mapping[str, Any]:
        """`{features, labels, metadata: {featureNames, size}}` of the selected points."""
        ...

    def host_info(self) -> Mapping[str, Any]: ...

    def health(self) -> Mapping[str, Any]: ...

    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether requests can be answered, and if not, why not."""
        ...

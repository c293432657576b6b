"""A plugin as it is shown: over HTTP, on the command line, in the demo."""

from __future__ import annotations

from typing import Any

import msgspec

from host.process.exits import ExitReport
from plugin_sdk.contract.manifest import Limits, Manifest


class SettingsView(msgspec.Struct, rename="camel"):
    """What the operator may set, as it stands: the seed's `{enabled, priority, config}`."""

    enabled: bool
    priority: int
    config: dict[str, Any]


class IsolationView(msgspec.Struct, rename="camel"):
    """The layers that truly hold this plugin, and the tier they make."""

    tier: str
    layers: dict[str, str]


class PluginView(msgspec.Struct, rename="camel", kw_only=True):
    """Everything a status page says of one plugin.

    Fields:
        state: A name of the lifecycle table; `state_since` in milliseconds since the epoch, `state_why` a
            sentence, `next_retry` when it will be started again, if it will.
        p50_ms, p99_ms: Of its latest calls; `None` before the first.
        memory_bytes: Resident now; `None` when it does not run.
        limits: What it was granted.
        isolation: The layers that are true of its process.
    """

    name: str
    version: str
    description: str
    author: str | None
    supported_types: list[str]
    config: SettingsView
    state: str
    state_since: float
    state_why: str
    next_retry: float | None = None
    pid: int | None = None
    epoch: int = 0
    restarts: int = 0
    capabilities: list[str] = []
    calls: int = 0
    failures: int = 0
    late: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory_bytes: int | None = None
    trained: bool = False
    trained_points: int = 0
    limits: Limits
    isolation: IsolationView
    last_exit: ExitReport | None = None
    story: list[str] = []
    folder: str = ""
    manifest: Manifest

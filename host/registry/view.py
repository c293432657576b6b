"""A plugin as it is shown: over HTTP, on the command line, in the demo."""

from __future__ import annotations

from typing import Any

import msgspec

from host.process.exits import ExitReport
from host.registry.learning import Learning
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


class BreakerView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One method's circuit breaker; `retry_at` in milliseconds since the epoch, while it is open."""

    state: str
    failures_in_a_row: int = 0
    why: str | None = None
    retry_at: float | None = None


class StagedView(msgspec.Struct, rename="camel"):
    """A new version that is to take over and has not: it is on its way, or did not come up."""

    version: str
    state: str
    why: str


class PluginView(msgspec.Struct, rename="camel", kw_only=True):
    """Everything a status page says of one plugin.

    Fields:
        state: A name of the lifecycle table; `state_since` in milliseconds since the epoch, `state_why` a
            sentence, `next_retry` when it will be started again, if it will.
        cancelled: Calls whose callers went away. late_answers, stray, junk: Answers that came too late, answers to
            no open call (unknown or repeated), and lines that are no messages: dropped, and counted.
        breakers: By method; those of methods that were never asked are not there.
        p50_ms, p99_ms: Of its latest calls; `None` before the first.
        memory_bytes: Resident now; `None` when it does not run; cpu_seconds as well, of its process and its children.
        in_flight, queued: Calls it is at, and calls that wait for their turn.
        learning: When it is trained, how the last training was judged, and the state kept for its next start.
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
    cancelled: int = 0
    late_answers: int = 0
    stray: int = 0
    junk: int = 0
    breakers: dict[str, BreakerView] = {}
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    in_flight: int = 0
    queued: int = 0
    trained: bool = False
    trained_points: int = 0
    learning: Learning = msgspec.field(default_factory=Learning)
    limits: Limits
    isolation: IsolationView
    last_exit: ExitReport | None = None
    story: list[str] = []
    staged: StagedView | None = None
    folder: str = ""
    manifest: Manifest

"""How one plugin stands: where it is in its life and how it came there, as its keeper notes it and others are shown."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from host.process.child import Child
from host.process.exits import ExitReport
from host.process.spec import LaunchSpec
from host.registry.entry import PluginEntry
from host.registry.view import BreakerView, IsolationView, PluginView, SettingsView
from host.rpc.breaker import BreakerState, CircuitBreaker
from host.rpc.client import PluginClient
from host.rpc.counts import CallCounts
from host.sandbox.sandbox import Sandbox
from host.supervisor.lifecycle import PluginState
from host.supervisor.memory import held_bytes
from host.supervisor.processor import cpu_seconds

STORY_LINES = 32


@dataclass
class PluginStatus:
    """What there is to tell of one plugin. Its keeper alone writes here.

    Attributes:
        since_ms: When it came into its state, in ms since the epoch, as `next_retry_ms`.
        why: A sentence.
        next_retry_ms: When it will be started again; `None` unless it waits for that.
        counts: Of all its processes.
        story: The latest moves and ends, oldest first.
    """

    since_ms: float
    state: PluginState = PluginState.DISCOVERED
    why: str = "its folder was found"
    next_retry_ms: float | None = None
    last_exit: ExitReport | None = None
    counts: CallCounts = field(default_factory=CallCounts)
    story: deque[str] = field(default_factory=lambda: deque(maxlen=STORY_LINES))

    def moved(self, state: PluginState, why: str, at_ms: float) -> None:
        """It is in *state* from now on."""
        self.state, self.why, self.since_ms = state, why, at_ms
        self._tell(at_ms, f"{state.value}: {why}")

    def buried(self, report: ExitReport) -> None:
        """A process of its own has ended, asked to or not."""
        self._tell(report.at_ms, report.summary)

    def view(self, entry: PluginEntry, folder: Path, child: Child | None, sandbox: Sandbox) -> PluginView:
        """How it stands now.

        Args:
            child: Its process, from its start until it is buried.
            sandbox: What would hold it when there is none.
        """
        counts, caller = self.counts, entry.caller
        p50, p99 = counts.latency.quantile(0.5), counts.latency.quantile(0.99)
        running = child if child is not None and child.alive else None
        held: LaunchSpec | Sandbox = child.spec if child is not None else sandbox
        return PluginView(
            name=entry.name,
            version=entry.manifest.version,
            description=entry.manifest.description,
            author=entry.manifest.author,
            supported_types=list(entry.manifest.handles),
            config=SettingsView(entry.settings.enabled, entry.priority, entry.config),
            state=self.state.value,
            state_since=self.since_ms,
            state_why=self.why,
            next_retry=self.next_retry_ms,
            pid=running.pid if running is not None else None,
            epoch=entry.epoch,
            restarts=max(0, entry.epoch - 1),
            capabilities=sorted(entry.capabilities),
            calls=counts.calls,
            failures=counts.failures,
            late=counts.late,
            cancelled=counts.cancelled,
            late_answers=counts.late_answers,
            stray=counts.stray,
            junk=counts.junk,
            breakers={method: _shown(each) for method, each in entry.breakers.by_method.items()},
            p50_ms=None if p50 is None else round(p50 * 1000, 3),
            p99_ms=None if p99 is None else round(p99 * 1000, 3),
            memory_bytes=held_bytes(running) if running is not None else None,
            cpu_seconds=cpu_seconds(running.pid) if running is not None else None,
            in_flight=caller.in_flight if isinstance(caller, PluginClient) else 0,
            queued=caller.queued if isinstance(caller, PluginClient) else 0,
            trained=entry.trained_points > 0,
            trained_points=entry.trained_points,
            learning=entry.learning,
            limits=entry.limits,
            isolation=IsolationView(held.tier, dict(held.layers)),
            last_exit=self.last_exit,
            story=list(self.story),
            folder=str(folder),
            manifest=entry.manifest,
        )

    def _tell(self, at_ms: float, what: str) -> None:
        self.story.append(f"{time.strftime('%H:%M:%S', time.localtime(at_ms / 1000))} {what}")


def _shown(breaker: CircuitBreaker) -> BreakerView:
    waits = breaker.state is BreakerState.OPEN
    wait_s = breaker.retry_at - time.monotonic()
    return BreakerView(
        breaker.state.value,
        breaker.failures_in_a_row,
        breaker.why if breaker.state is not BreakerState.CLOSED else None,
        round(time.time() * 1000 + wait_s * 1000) if waits else None,
    )

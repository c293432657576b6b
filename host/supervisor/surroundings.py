"""What every keeper of one host shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.clock import Clock
from host.process.child import Launcher
from host.registry.entry import PluginEntry
from host.registry.registry import Registry
from host.rpc.breaker import BreakerPolicy
from host.rpc.client import ClientLimits
from host.rpc.recording import Recorder
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from host.supervisor.restart import RestartPolicy
from host.supervisor.settings_store import SettingsStore
from host.workload.keeping import NoStates, States

Warm = Callable[[PluginEntry], Coroutine[Any, Any, None]]


async def nothing(_: PluginEntry) -> None:
    """For a host without a history."""


@dataclass(frozen=True)
class Surroundings:
    """Handed to each keeper when it is made.

    Attributes:
        chance: A number in [0, 1), for the jitter of restarts.
        scratch: Where private folders of plugins are made.
        spawns: Held while a process is started.
        states: What plugins saved, for their next start.
        warm: Hands a version that is to take over its history, before it does.
        settings: Where operators' words are kept for later hosts.
        recorder: Records what is said to plugins and by them, where that is wanted.
    """

    registry: Registry
    launcher: Launcher
    clock: Clock
    chance: Callable[[], float]
    sandbox: Sandbox
    restarts: RestartPolicy
    client: ClientLimits
    scratch: Path
    spawns: asyncio.Semaphore
    environments: EnvironmentStore
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    warm: Warm = nothing
    states: States = field(default_factory=NoStates)
    settings: SettingsStore = field(default_factory=lambda: SettingsStore(None))
    recorder: Recorder | None = None

    @property
    def policy(self) -> SandboxPolicy:
        """The ceilings."""
        return self.sandbox.policy

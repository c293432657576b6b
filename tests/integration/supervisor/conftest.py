"""A supervisor over real processes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.clock import SystemClock
from host.registry.events import PluginEvent
from host.registry.registry import Registry
from host.rpc.client import ClientLimits
from host.sandbox.opening import open_sandbox
from host.sandbox.policy import SandboxPolicy
from host.supervisor.config import KeepingConfig
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import Supervisor, SupervisorConfig


class Rig:
    """One supervisor, what it said, and short ways to ask."""

    def __init__(self, supervisor: Supervisor, registry: Registry) -> None:
        self.supervisor = supervisor
        self.registry = registry
        self.events: list[PluginEvent] = []
        registry.events.subscribe(self.events.append)

    async def ask(self, name: str, method: str, params: object, timeout_s: float = 10.0) -> Any:
        """Calls one plugin and decodes its result."""
        deadline = time.monotonic() + timeout_s
        raw = await self.registry.get(name).call(method, msgspec.json.encode(params), deadline=deadline)
        return msgspec.json.decode(raw)

    def state(self, name: str) -> str:
        """Where a plugin is in its life."""
        keeper = self.registry.get(name).keeper
        assert keeper is not None
        return keeper.view().state

    def view(self, name: str) -> Any:
        """How a plugin stands."""
        keeper = self.registry.get(name).keeper
        assert keeper is not None
        return keeper.view()


@pytest.fixture(params=["best-effort", "off"])
def start_rig(tmp_path: Path, request: pytest.FixtureRequest):
    """`async with start_rig(directory, ...) as rig:`; everything is gone afterwards.

    Once with the whole sandbox, and once with plugins that are held by their processes alone.
    """
    isolation = request.param
    if isolation == "best-effort" and sys.platform != "linux":
        pytest.skip("NO SANDBOX: this platform has none of its layers")

    @contextlib.asynccontextmanager
    async def start(
        directory: Path,
        *,
        grace_s: float = 0.3,
        restarts: RestartPolicy | None = None,
        settled: bool = True,
    ) -> AsyncIterator[Rig]:
        clock = SystemClock()
        registry = Registry(clock)
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        config = SupervisorConfig(
            restarts=restarts or RestartPolicy(base_s=0.05, cap_s=0.2),
            client=ClientLimits(grace_s=grace_s),
            keeping=KeepingConfig(rescan_s=1.0, still_s=0.2),
        )
        # Whatever tier this machine reaches: what is tried here is the keeping alive.
        policy = SandboxPolicy(isolation=isolation, min_tier="none")
        opened = await open_sandbox(policy, clock)
        supervisor = Supervisor(directory, scratch, registry, opened.launcher, clock, config, opened.sandbox)
        rig = Rig(supervisor, registry)
        try:
            await supervisor.start()
            if settled:
                await supervisor.wait_settled(60)
            yield rig
        finally:
            await supervisor.aclose()
            await opened.aclose()

    return start

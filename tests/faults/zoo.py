"""All misbehaving peers at once under one host, and what became of each. For test_misbehaving.py."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from host.clock import SystemClock
from host.engine.engine import Engine, EngineConfig
from host.process.child import LocalLauncher
from host.registry.registry import Registry
from host.registry.view import PluginView
from host.rpc.limits import ClientLimits
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import Supervisor, SupervisorConfig
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems import OptimizeRequest

PEER = Path(__file__).parents[1] / "faulty_plugins" / "peer.py"
DATA = {"items": [{"id": f"i{n}", "cpu": 1} for n in range(4)], "nodeCapacity": {"cpu": 2}}
DEADLINE_MS = 1000.0
WITHIN_S = 60.0
LIMITS = ClientLimits(
    grace_s=0.2,
    frame_bytes=1_000_000,
    junk_lines=100,
    messages_per_s=200,
    bytes_per_s=2_000_000,
    log_bytes_per_s=200_000,
    heartbeat_s=1.0,
)


@dataclass
class Seen:
    """One peer, as it was seen: how it stood at each look, and what became of asking it."""

    views: list[PluginView] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def ended(self, cause: str, says: str = "") -> bool:
        """Whether an end of that cause is on record."""
        reports = (view.last_exit for view in self.views)
        return any(each is not None and each.cause == cause and says in each.summary for each in reports)

    def state(self, name: str, says: str = "") -> bool:
        return any(view.state == name and says in view.state_why for view in self.views)

    def counted(self, what: str, least: int = 1) -> bool:
        return any(getattr(view, what) >= least for view in self.views)


@dataclass
class Observed:
    """The whole of it."""

    peers: dict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))
    answers: list[Answer] = field(default_factory=list)
    left_processes: list[int] = field(default_factory=list)
    left_descriptors: int = 0
    left_scratch: list[str] = field(default_factory=list)


class _NoHistory:
    def size(self) -> int:
        return 0

    def record(self, request: OptimizeRequest, answer: Answer) -> None:
        """Nothing is kept."""


def write(directory: Path, mode: str) -> None:
    """A folder with a peer of that mode."""
    folder = directory / mode
    folder.mkdir(parents=True)
    shutil.copy(PEER, folder / "peer.py")
    (folder / "peer.py").chmod(0o644)
    command = f'["{sys.executable}", "-I", "-S", "peer.py", "{mode}"]'
    limits = '[limits]\nstart_timeout = "1s"\n' if mode.startswith("hang") and "call" not in mode else ""
    (folder / "plugin.toml").write_text(
        f'[plugin]\nname = "{mode}"\nversion = "1.0.0"\nhandles = ["resource"]\ncommand = {command}\n{limits}'
    )


async def observe(modes: Iterable[str], done: Callable[[dict[str, Seen]], bool], place: Path) -> Observed:
    """Starts a peer of each mode and asks them all, again and again, until *done* or out of time."""
    seen, clock = Observed(), SystemClock()
    for mode in modes:
        write(place / "plugins", mode)
    (place / "scratch").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    registry = Registry(clock)
    config = SupervisorConfig(restarts=RestartPolicy(base_s=0.05, cap_s=0.1, intensity=3), client=LIMITS)
    supervisor = Supervisor(
        place / "plugins", place / "scratch", registry, LocalLauncher(clock), clock, config
    )
    engine = Engine(registry, _NoHistory(), clock, EngineConfig(settle_s=WITHIN_S, cache_entries=0))
    try:
        await supervisor.start()
        await supervisor.wait_settled(WITHIN_S)
        give_up = clock.now() + WITHIN_S
        while clock.now() < give_up and not done(seen.peers):
            request = OptimizeRequest(f"r{len(seen.answers)}", "resource", DATA, deadline_ms=DEADLINE_MS)
            answer = await engine.optimize(request)
            seen.answers.append(answer)
            for each in answer.candidates:
                peer = seen.peers[each.by.partition("@")[0]]
                peer.statuses.append(each.status)
                peer.reasons.append(each.reason or "")
            _look(registry, seen)
    finally:
        await supervisor.aclose()
    children = psutil.Process().children(recursive=True)
    seen.left_processes = [each.pid for each in children if each.status() != psutil.STATUS_ZOMBIE]
    seen.left_descriptors = len(os.listdir("/proc/self/fd")) - before
    seen.left_scratch = os.listdir(place / "scratch")
    return seen


def _look(registry: Registry, seen: Observed) -> None:
    for entry in registry.all():
        assert entry.keeper is not None
        seen.peers[entry.name].views.append(entry.keeper.view())


def run(modes: Iterable[str], done: Callable[[dict[str, Seen]], bool], place: Path) -> Any:
    """As `observe`, on an event loop of its own."""
    return asyncio.run(observe(modes, done, place))

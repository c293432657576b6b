"""Keepers and supervisors over plugins in shell: real processes that are up within milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from host.clock import SystemClock
from host.process.child import LocalLauncher
from host.registry.entry import PluginEntry, Settings
from host.registry.registry import Registry
from host.rpc.breaker import BreakerPolicy
from host.rpc.limits import ClientLimits
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from host.supervisor.config import KeepingConfig
from host.supervisor.keeper import PluginKeeper
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import Supervisor, SupervisorConfig
from host.supervisor.surroundings import Surroundings
from plugin_sdk.contract.manifest import parse_manifest

# Speaks the protocol with nothing but the shell's own words: no process is started for a call.
SCRIPT = """\
trap '' HUP
%s
while IFS= read -r line; do
  id=${line#*'"id":'}; id=${id%%%%,*}
  case "$line" in
    *'"method":"initialize"'*) r='{"protocol":1,"plugin":{"name":"sh","version":"1.0.0"},"capabilities":{"predict":{}}}' ;;
    *'"method":"predict"'*) r="{\\"prediction\\":$$}" ;;
    *'"method":"shutdown"'*|*'"method":"ping"'*) r='{}' ;;
    *) continue ;;
  esac
  printf '{"jsonrpc":"2.0","id":%%s,"result":%%s}\\n' "$id" "$r"
  case "$line" in *'"method":"shutdown"'*) exit 0 ;; esac
done
"""
MANIFEST = """\
[plugin]
name = "%s"
version = "1.0.0"
handles = ["ml-driven"]
command = ["sh", "plugin.sh"]
"""


def write_plugin(directory: Path, name: str = "sh", first: str = "", manifest: str = "") -> Path:
    """A folder with a plugin that does *first* before it listens."""
    folder = directory / name
    folder.mkdir(parents=True)
    (folder / "plugin.sh").write_text(SCRIPT % first)
    (folder / "plugin.toml").write_text(MANIFEST % name + manifest)
    return folder


class Kept:
    """One keeper with its task."""

    def __init__(self, keeper: PluginKeeper, registry: Registry, scratch: Path) -> None:
        self.keeper = keeper
        self.entry = keeper.entry
        self.registry = registry
        self.scratch = scratch
        self.pids: set[int] = set()
        self.states: list[str] = []
        registry.events.subscribe(self._on_event)
        self.task = asyncio.ensure_future(keeper.run())

    def _on_event(self, event) -> None:
        if event.topic == "plugin:state":
            self.states.append(event.detail["now"])
        if self.keeper.view().pid:
            self.pids.add(self.keeper.view().pid)

    @property
    def state(self) -> str:
        return self.keeper.state.value

    async def ask(self) -> int:
        """A `predict`; answered with the process's number."""
        raw = await self.entry.call("predict", b'{"input":1}', deadline=time.monotonic() + 10)
        return msgspec.json.decode(raw)["prediction"]

    def nothing_left(self) -> bool:
        """Whether every process and every scratch folder is gone."""
        return not any(psutil.pid_exists(pid) for pid in self.pids) and not any(self.scratch.iterdir())


@pytest.fixture
async def keep(tmp_path):
    """`keep(first=..., enabled=...)`: a keeper that runs; ended and found clean afterwards."""
    kept_ones = []
    (tmp_path / "scratch").mkdir()
    fds = len(os.listdir("/proc/self/fd"))

    def start(
        *,
        first="",
        manifest="",
        enabled=True,
        restarts=None,
        launcher=None,
        folder=None,
        client=None,
        breaker=None,
    ):
        clock = SystemClock()
        registry = Registry(clock)
        folder = folder or write_plugin(tmp_path / "plugins", first=first, manifest=manifest)
        entry = PluginEntry(parse_manifest((folder / "plugin.toml").read_bytes()), Settings(enabled=enabled))
        around = Surroundings(
            registry=registry,
            launcher=launcher or LocalLauncher(clock),
            clock=clock,
            chance=lambda: 0.5,
            sandbox=Sandbox(SandboxPolicy()),
            restarts=restarts or RestartPolicy(base_s=0.01, cap_s=0.02, intensity=3),
            client=client or ClientLimits(grace_s=0.1),
            breaker=breaker or BreakerPolicy(),
            scratch=tmp_path / "scratch",
            spawns=asyncio.Semaphore(2),
            environments=EnvironmentStore(tmp_path / "environments", clock),
        )
        keeper = PluginKeeper(entry, folder, around)
        registry.register(entry)
        kept_ones.append(Kept(keeper, registry, tmp_path / "scratch"))
        return kept_ones[-1]

    yield start
    for kept in kept_ones:
        kept.keeper.end("the test is over")
        async with asyncio.timeout(15):
            await asyncio.wait([kept.task])
        assert kept.nothing_left()
    assert len(os.listdir("/proc/self/fd")) == fds


async def settle(supervisor):
    """Looks at the directory until nothing in it is about to come to rest."""
    while (wait_s := await supervisor.rescan()) is not None:
        await asyncio.sleep(wait_s)


@pytest.fixture
def supervise(tmp_path):
    """`async with supervise() as supervisor:`, over `tmp_path / "plugins"`; not started."""

    @contextlib.asynccontextmanager
    async def make(*, still_s=0.01, rescan_s=0.1, launcher=None, keeping=None, **config):
        (tmp_path / "plugins").mkdir(exist_ok=True)
        (tmp_path / "scratch").mkdir(exist_ok=True)
        clock = SystemClock()
        registry = Registry(clock)
        supervisor = Supervisor(
            tmp_path / "plugins",
            tmp_path / "scratch",
            registry,
            launcher or LocalLauncher(clock),
            clock,
            SupervisorConfig(
                keeping=KeepingConfig(still_s=still_s, rescan_s=rescan_s, drain_s=5.0, **(keeping or {})),
                **config,
            ),
        )
        supervisor.registry = registry
        supervisor.settle = lambda: settle(supervisor)
        try:
            yield supervisor
        finally:
            async with asyncio.timeout(20):
                await supervisor.aclose()
        assert registry.all() == []
        assert not any((tmp_path / "scratch").iterdir())

    return make


@pytest.fixture
def plugin(tmp_path):
    """`plugin("name", first=...)`: writes one into the plugins directory."""
    return lambda name="sh", **more: write_plugin(tmp_path / "plugins", name, **more)

"""All plugins of one directory: found, started, kept, and let go when their folders go.

The directory is watched, and looked through again every few seconds all the same: notices of the kernel can be
lost. A folder that was renamed into place is taken at once; what else changed, when it has been still for a moment, so
that a folder that is being copied is not started half-way.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import watchfiles

from host.clock import Clock
from host.errors import ConfigError
from host.process.child import Launcher
from host.registry.entry import Settings
from host.registry.registry import Registry
from host.rpc.breaker import BreakerPolicy
from host.rpc.limits import ClientLimits
from host.rpc.recording import Recorder
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from host.supervisor.config import KeepingConfig
from host.supervisor.folder import FoundPlugin, RefusedFolder, scan
from host.supervisor.moves import MoveWatch
from host.supervisor.restart import RestartPolicy
from host.supervisor.scratch import ScratchRoom
from host.supervisor.settings_store import FILE, SettingsStore
from host.supervisor.stillness import Stillness
from host.supervisor.succession import Succession
from host.supervisor.surroundings import Surroundings, Warm, nothing
from host.tasks import Background
from host.workload.keeping import NoStates, States

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SupervisorConfig:
    """The settings of every room below."""

    policy: SandboxPolicy = field(default_factory=SandboxPolicy)
    restarts: RestartPolicy = field(default_factory=RestartPolicy)
    client: ClientLimits = field(default_factory=ClientLimits)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    keeping: KeepingConfig = field(default_factory=KeepingConfig)
    environments: EnvironmentPolicy = field(default_factory=EnvironmentPolicy)
    settings: dict[str, Settings] = field(default_factory=dict)


class Supervisor:
    """Use: `await start()`, and `await aclose()` whatever happens."""

    def __init__(
        self,
        directory: Path,
        scratch: Path,
        registry: Registry,
        launcher: Launcher,
        clock: Clock,
        config: SupervisorConfig | None = None,
        sandbox: Sandbox | None = None,
        warm: Warm = nothing,
        states: States | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Without a *sandbox*, plugins are held by their processes alone.

        Beside *scratch* lies what outlives plugins: the environments of those with packages of their own, and what
        operators set. *warm* hands a version that is to take over its history; *states* are what plugins saved.
        """
        self.directory = directory
        self.refused: list[RefusedFolder] = []
        self._config = config = config or SupervisorConfig()
        self.sandbox = sandbox or Sandbox(config.policy)
        self._registry = registry
        self._clock = clock
        self._kept: dict[str, Succession] = {}
        self._going: set[str] = set()
        # The operator's word outlives a folder that changes, or goes and comes back.
        self._settings = {name: copy.deepcopy(said) for name, said in config.settings.items()}
        self._store = SettingsStore(scratch.parent / FILE)
        self._scratch = ScratchRoom(scratch)
        self._background = Background()
        self._stillness = Stillness(config.keeping.still_s)
        self._moved: set[str] = set()  # folders renamed into place since the last look
        self._moves = MoveWatch(directory, self._on_move)
        self._look = asyncio.Event()
        self._environments = EnvironmentStore(scratch.parent / "environments", clock, config.environments)
        self._around = Surroundings(
            registry=registry,
            launcher=launcher,
            clock=clock,
            chance=random.random,
            sandbox=self.sandbox,
            restarts=config.restarts,
            client=config.client,
            scratch=scratch,
            spawns=asyncio.Semaphore(config.keeping.spawns),
            environments=self._environments,
            breaker=config.breaker,
            warm=warm,
            states=states or NoStates(),
            settings=self._store,
            recorder=recorder,
        )

    async def start(self) -> None:
        """Starts what lies in the directory; returns without waiting for it to be ready.

        Raises:
            ConfigError: The directory is missing or cannot be read, what operators said earlier cannot, or another
                host has the scratch folder.
        """
        self._scratch.claim()
        for name, change in self._store.load().items():
            self._settings.setdefault(name, Settings()).take(change)
        self._moves.arm()
        found, refused = await asyncio.to_thread(scan, self.directory)
        self._note_refused(refused)
        for plugin in found:
            self._keep(plugin)
        self._background.start(self._notice(), name="supervisor:notice")
        self._background.start(self._watch(), name="supervisor:watch")

    async def wait_settled(self, timeout_s: float) -> None:
        """Waits until every plugin has come up or failed to, for at most *timeout_s*."""
        try:
            async with asyncio.timeout(timeout_s):
                for kept in list(self._kept.values()):
                    await kept.wait_settled()
        except TimeoutError:
            log.warning("supervisor.still_starting", extra={"waited_s": timeout_s})

    async def aclose(self) -> None:
        """Stops watching, then every plugin, the last started first; returns when all processes are gone.

        One that takes its time does not keep the next from being asked to end; nor do many together.
        """
        await self._background.aclose()
        self._moves.close()
        keeping, now = self._config.keeping, self._clock.now
        until = now() + keeping.stop_order_s
        closing: list[asyncio.Future[None]] = []
        for kept in reversed(self._kept.values()):
            share_s = max(0.0, until - now()) / (len(self._kept) - len(closing))
            closing.append(asyncio.ensure_future(kept.aclose("the host is stopping")))
            await asyncio.wait(closing[-1:], timeout=min(keeping.stop_gap_s, share_s))
        if closing:
            await asyncio.wait(closing)
        await self._environments.aclose()
        for name in list(self._kept):
            self._registry.unregister(name)
        self._kept.clear()
        self._scratch.close()

    async def rescan(self) -> float | None:
        """Brings what runs in line with what lies in the directory, as far as it is still.

        Returns:
            In how many seconds the next folder will be, if nothing more happens to it; `None` when there is none.
        """
        self._moves.arm()
        moved, self._moved = self._moved, set()
        found, refused = await asyncio.to_thread(scan, self.directory)
        now = {plugin.manifest.name: plugin for plugin in found}
        broken = {each.folder for each in refused}
        waits = []
        for name, kept in list(self._kept.items()):
            # A folder that is there but refused keeps its old version running: a failed change changes nothing.
            if name in now or kept.found.folder in broken or name in self._going:
                continue
            if (wait_s := self._wait_s(name, None, 0)) > 0:
                waits.append(wait_s)
            else:
                log.info("plugin.folder_removed", extra={"plugin": name})
                self._going.add(name)
                self._background.start(self._let_go(name), name=f"supervisor:let go:{name}")
        for name, plugin in now.items():
            kept_as = self._kept.get(name)
            if name in self._going or (kept_as is not None and kept_as.found == plugin):
                if kept_as is not None:
                    kept_as.folder_refused(None)
                self._stillness.forget(name)
                continue
            wait_s = self._wait_s(name, plugin.fingerprint, plugin.changed_ns)
            if wait_s > 0 and plugin.folder.name not in moved:
                waits.append(wait_s)
                continue
            self._stillness.forget(name)
            if kept_as is None:
                self._keep(plugin)
            else:
                log.info("plugin.folder_changed", extra={"plugin": name, "version": plugin.manifest.version})
                kept_as.follow(plugin)
        rested = []
        for each in refused:
            if each in self.refused or each.folder.name in moved:
                rested.append(each)
            elif (wait_s := self._wait_s(each.folder, each.why, each.changed_ns)) > 0:
                waits.append(wait_s)  # it may be half-way in a copy, and good in a moment
            else:
                rested.append(each)
        self._note_refused(rested)
        reasons = {each.folder: each.why for each in rested}
        for kept in self._kept.values():
            if kept.name not in now and kept.found.folder in reasons:
                kept.folder_refused(reasons[kept.found.folder])
        return min(waits, default=None)

    def _wait_s(self, name: str | Path, looks: object, changed_ns: int) -> float:
        return self._stillness.wait_s(name, looks, changed_ns, self._clock.now(), time.time_ns())

    async def _watch(self) -> None:
        """Looks again on every notice, when a folder has come to rest, and every `rescan_s`."""
        wait_s: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    min(self._config.keeping.rescan_s, wait_s if wait_s is not None else 1e9)
                ):
                    await self._look.wait()
            self._look.clear()
            try:
                wait_s = await self.rescan()
            except ConfigError as error:  # the directory is away; what runs goes on
                log.warning("supervisor.not_watching", extra={"why": str(error)})
                wait_s = None

    async def _notice(self) -> None:
        """Asks for a look on every change below the directory; survives the directory's own absence."""
        keeping = self._config.keeping
        while True:
            try:
                async for _ in watchfiles.awatch(
                    self.directory, debounce=200, step=50, rust_timeout=1000, ignore_permission_denied=True
                ):
                    self._look.set()
            except (OSError, RuntimeError) as error:
                # The directory is away, or the kernel has no watch left to give: then it is looked at all the same.
                log.warning("supervisor.not_watching", extra={"why": str(error)})
            await asyncio.sleep(keeping.rescan_s)

    def _on_move(self, name: str) -> None:
        self._moved.add(name)
        self._look.set()

    def _keep(self, plugin: FoundPlugin) -> None:
        settings = self._settings.setdefault(plugin.manifest.name, Settings())
        self._kept[plugin.manifest.name] = Succession(
            plugin, settings, self._around, self._config.keeping.drain_s
        )

    async def _let_go(self, name: str) -> None:
        await self._kept[name].aclose("its folder is gone", self._config.keeping.drain_s)
        del self._kept[name]
        self._registry.unregister(name)
        self._going.discard(name)
        self._stillness.forget(name)
        self._look.set()  # its folder may have come back meanwhile

    def _note_refused(self, refused: list[RefusedFolder]) -> None:
        for each in refused:
            if each not in self.refused:
                log.error("plugin.refused", extra={"folder": str(each.folder), "why": each.why})
                self._registry.events.publish(
                    "plugin:error",
                    each.folder.name,
                    self._clock.wall_ms(),
                    {"cause": "refused", "summary": each.why},
                )
            self._stillness.forget(each.folder)
        self.refused = refused

"""All plugins of one directory: found, started, kept, and let go when their folders go.

The directory is watched, and looked through again every few seconds all the same: notices of the kernel can be
lost. What changed is taken only when it has been still for a moment, so that a folder that is being copied is not
started half-way.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import watchfiles

from host.clock import Clock
from host.errors import ConfigError
from host.process.child import Launcher
from host.registry.entry import PluginEntry, Settings
from host.registry.registry import Registry
from host.rpc.client import ClientLimits
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from host.supervisor.folder import FoundPlugin, RefusedFolder, scan
from host.supervisor.keeper import PluginKeeper
from host.supervisor.restart import RestartPolicy
from host.supervisor.settings_store import FILE, SettingsStore
from host.supervisor.surroundings import Surroundings
from host.tasks import Background

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SupervisorConfig:
    """How plugins are found and kept.

    Attributes:
        rescan_s: Between two looks at the directory without a notice.
        still_s: How long a changed folder must have been still before it is taken.
        spawns: Processes started at once, at most.
    """

    policy: SandboxPolicy = field(default_factory=SandboxPolicy)
    restarts: RestartPolicy = field(default_factory=RestartPolicy)
    client: ClientLimits = field(default_factory=ClientLimits)
    environments: EnvironmentPolicy = field(default_factory=EnvironmentPolicy)
    rescan_s: float = 5.0
    still_s: float = 0.4
    spawns: int = 4
    settings: dict[str, Settings] = field(default_factory=dict)


@dataclass
class _Kept:
    found: FoundPlugin
    keeper: PluginKeeper
    task: asyncio.Task[None]


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
    ) -> None:
        """Without a *sandbox*, plugins are held by their processes alone.

        Beside *scratch* lies what outlives plugins: the environments of those with packages of their own.
        """
        self.directory = directory
        self.sandbox = sandbox or Sandbox((config or SupervisorConfig()).policy)
        self.refused: list[RefusedFolder] = []
        self._config = config or SupervisorConfig()
        self._registry = registry
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        # The operator's word outlives a folder that changes, or goes and comes back.
        self._settings = {name: copy.deepcopy(said) for name, said in self._config.settings.items()}
        self._store = SettingsStore(scratch.parent / FILE)
        self._background = Background()
        self._environments = EnvironmentStore(
            scratch.parent / "environments", clock, self._config.environments
        )
        self._around = Surroundings(
            registry=registry,
            launcher=launcher,
            clock=clock,
            chance=random.random,
            sandbox=self.sandbox,
            restarts=self._config.restarts,
            client=self._config.client,
            scratch=scratch,
            spawns=asyncio.Semaphore(self._config.spawns),
            environments=self._environments,
            settings=self._store,
        )

    async def start(self) -> None:
        """Starts what lies in the directory; returns without waiting for it to be ready.

        Raises:
            ConfigError: The directory is missing or cannot be read, or what operators said earlier cannot.
        """
        for name, change in self._store.load().items():
            self._settings.setdefault(name, Settings()).take(change)
        found, refused = await asyncio.to_thread(scan, self.directory)
        self._note_refused(refused)
        for plugin in found:
            self._keep(plugin)
        self._background.start(self._watch(), name="supervisor:watch")

    async def wait_settled(self, timeout_s: float) -> None:
        """Waits until every plugin has come up or failed to, for at most *timeout_s*."""
        try:
            async with asyncio.timeout(timeout_s):
                for kept in list(self._kept.values()):
                    await kept.keeper.wait_settled()
        except TimeoutError:
            log.warning("supervisor.still_starting", extra={"waited_s": timeout_s})

    async def aclose(self) -> None:
        """Stops watching, then every plugin, the last started first; returns when all processes are gone."""
        await self._background.aclose()
        kept = list(reversed(self._kept.values()))
        for each in kept:
            each.keeper.end()
        if kept:
            await asyncio.wait([each.task for each in kept])
        await self._environments.aclose()
        for name in list(self._kept):
            self._registry.unregister(name)
        self._kept.clear()

    async def rescan(self) -> None:
        """Brings what runs in line with what lies in the directory.

        Each folder is taken by itself, when two looks found the same: one that never comes to rest keeps no
        other from being taken. What is still changing is left for a later look, which its next change brings.
        """
        found, refused = await asyncio.to_thread(scan, self.directory)
        if not self._differs(found):
            self._note_refused(refused)
            return
        before = {plugin.manifest.name: plugin for plugin in found}
        await asyncio.sleep(self._config.still_s)
        found, refused = await asyncio.to_thread(scan, self.directory)
        self._note_refused(refused)
        now = {plugin.manifest.name: plugin for plugin in found}
        # A folder that is there but refused keeps its old version running: a failed change changes nothing.
        broken = {each.folder for each in refused}
        for name, kept in list(self._kept.items()):
            plugin = now.get(name)
            if before.get(name) != plugin:
                continue
            if plugin is None and kept.found.folder not in broken:
                log.info("plugin.folder_removed", extra={"plugin": name})
                await self._let_go(name)
            elif plugin is not None and plugin != kept.found:
                log.info("plugin.folder_changed", extra={"plugin": name})
                await self._let_go(name)
                self._keep(plugin)
        for name, plugin in now.items():
            if name not in self._kept and before.get(name) == plugin:
                self._keep(plugin)

    def _differs(self, found: Sequence[FoundPlugin]) -> bool:
        return {name: kept.found for name, kept in self._kept.items()} != {
            plugin.manifest.name: plugin for plugin in found
        }

    async def _watch(self) -> None:
        """Looks again on every notice and every `rescan_s`; survives the directory's own absence."""
        while True:
            try:
                async for _ in watchfiles.awatch(
                    self.directory,
                    debounce=200,
                    step=50,
                    rust_timeout=int(self._config.rescan_s * 1000),
                    yield_on_timeout=True,
                    ignore_permission_denied=True,
                ):
                    await self.rescan()
            except (ConfigError, OSError, RuntimeError) as error:
                # The directory is away, or the kernel has no watch left to give: then it is looked at all the same.
                log.warning("supervisor.not_watching", extra={"why": str(error)})
                await asyncio.sleep(self._config.rescan_s)
                with contextlib.suppress(ConfigError):
                    await self.rescan()

    def _keep(self, plugin: FoundPlugin) -> None:
        settings = self._settings.setdefault(plugin.manifest.name, Settings())
        entry = PluginEntry(plugin.manifest, settings)
        keeper = PluginKeeper(entry, plugin.folder, self._around)
        self._registry.register(entry)
        task = self._run(keeper)
        self._kept[entry.name] = _Kept(plugin, keeper, task)

    def _run(self, keeper: PluginKeeper) -> asyncio.Task[None]:
        # Not in `_background`: that cancels its tasks, and a keeper must see its process to the end.
        task = asyncio.get_running_loop().create_task(keeper.run(), name=f"plugin:{keeper.entry.name}")
        task.add_done_callback(_log_failure)
        return task

    async def _let_go(self, name: str) -> None:
        kept = self._kept[name]
        kept.keeper.end()
        # `wait`, since `gather` would pass a cancellation of the watcher on to a keeper that ends its process.
        await asyncio.wait([kept.task])
        del self._kept[name]
        self._registry.unregister(name)

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
        self.refused = refused


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.error("keeper.failed", exc_info=failure, extra={"task": task.get_name()})

"""One plugin's name: the version that serves under it, and the one that is to follow.

Theory of operation. A folder that changed is a new version. While the old one can be asked, the new one is staged: it is
started, checked and handed its history beside it, under no name. When it can be asked it takes the name in the registry
in one step, and the old one is retired: its open calls are answered, then it is stopped. A new version that does not come
up leaves the old one serving, degraded, with the reason; it is tried again as any plugin is, and takes over when it does
come up. Should the old one end meanwhile, the new one takes the name as it stands, since the files of the old one are no
longer there to start it from.

Where nothing serves there is nothing to keep: the new version takes the name at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec

from host.registry.entry import PluginEntry, Settings
from host.registry.following import LogMark, LogNews
from host.registry.settings import SettingsChange
from host.registry.view import PluginView, StagedView
from host.supervisor.folder import FoundPlugin
from host.supervisor.keeper import PluginKeeper
from host.supervisor.surroundings import Surroundings
from host.tasks import Bell

log = logging.getLogger(__name__)

FOLDER = "folder"  # the weakness of one whose successor does not come up
REFUSED = "refused"  # and of one whose folder cannot be a plugin any more


class Succession:
    """Made with the first version, which it registers and starts. Ends with `aclose`."""

    def __init__(self, found: FoundPlugin, settings: Settings, around: Surroundings, drain_s: float) -> None:
        self.found = found
        self._settings = settings
        self._around = around
        self._drain_s = drain_s
        self._bell = Bell()
        self._tasks: set[asyncio.Task[None]] = set()
        self._staged: PluginKeeper | None = None
        self._closing = False
        self._current = self._made(found, staged=False)
        around.registry.register(self._current.entry)
        self._start(self._current)

    @property
    def name(self) -> str:
        return self._current.entry.name

    def follow(self, found: FoundPlugin) -> None:
        """What lies in the folder now is *found*: it is to serve as soon as it can."""
        self.found = found
        self._drop_staged()
        self.folder_refused(None)
        if not self._current.state.can_be_asked:
            self._take_over(self._made(found, staged=False), "its folder changed")
            return
        # What is parked was made of the folder as it was.
        self._around.launcher.unpark(self.name)
        self._staged = self._made(found, staged=True)
        self._start(self._staged)
        self._spawn(self._see_through(self._current, self._staged), "succession")

    def folder_refused(self, why: str | None) -> None:
        """Its folder cannot be a plugin as it is now; what serves goes on. `None`: it can again."""
        if why is not None:
            self._current.weaken(REFUSED, f"its folder is refused as it is now: {why}")
        else:
            self._current.recover(REFUSED)

    async def aclose(self, why: str, drain_s: float = 0.0) -> None:
        """As `end`; returns when their processes are gone."""
        if not self._closing:
            self.end(why, drain_s)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def end(self, why: str, drain_s: float = 0.0) -> None:
        """Begins to stop all its versions; calls that are open are answered first, for at most *drain_s*."""
        self._closing = True
        self._drop_staged()
        self._current.end(why, drain_s)

    # What operators ask of it: `host.registry.entry.Keeper`.

    async def enable(self) -> None:
        await self._current.enable()
        await self._around.settings.remember(self.name, SettingsChange(enabled=True))

    async def disable(self) -> None:
        await self._disable()
        await self._around.settings.remember(self.name, SettingsChange(enabled=False))

    async def restart(self) -> None:
        """What runs afterwards is what lies in the folder now, be it staged or not."""
        if self._staged is None:
            await self._current.restart()
            return
        self._drop_staged()
        self._take_over(self._made(self.found, staged=False), "it was restarted")
        await self._current.wait_settled()

    async def configure(self, change: SettingsChange) -> None:
        """See `host.registry.entry.Keeper`. What a process was told at its start is changed by a new one beside it."""
        entry, settings = self._current.entry, self._settings
        told = (entry.config, entry.limits)
        tried = msgspec.structs.replace(settings)
        tried.take(change)
        tried.limits_over(entry.manifest.limits)  # raises before anything is changed
        settings.take(change)
        if change.enabled is False:
            await self._disable()
        if told != (entry.config, self._around.policy.grant(settings.limits_over(entry.manifest.limits))):
            self.follow(self.found)
            await self._until_known(self._staged)
        if change.enabled is True:
            await self._current.enable()
        await self._around.settings.remember(self.name, change)

    async def wait_settled(self) -> None:
        """Waits until the version that serves can be asked, has failed, or has been stopped."""
        await self._current.wait_settled()

    def logs(self, limit: int) -> list[str]:
        """The newest lines of its log; those of a staged version last, with its version before each."""
        lines = self._current.logs(limit)
        if (staged := self._staged) is not None:
            lines += [f"[staged {staged.entry.manifest.version}] {line}" for line in staged.logs(limit)]
        return lines[-limit:] if limit > 0 else []

    def log_news(self, mark: LogMark | None) -> LogNews:
        """What was written since *mark*, as `logs` has it."""
        news = self._current.log_news(mark)
        if (staged := self._staged) is None:
            return news
        more = staged.log_news(mark)
        lines = [f"[staged {staged.entry.manifest.version}] {line}" for line in more.lines]
        return LogNews(news.lines + lines, news.lost + more.lost, {**news.mark, **more.mark})

    def view(self) -> PluginView:
        view = self._current.view()
        if (staged := self._staged) is not None:
            view.staged = StagedView(staged.entry.manifest.version, staged.state.value, staged.why)
        return view

    async def _disable(self) -> None:
        waiting = self._staged is not None
        self._drop_staged()
        await self._current.disable()
        if waiting and not self._closing:
            self.follow(self.found)  # nothing serves: it has the name at once, and rests

    def _made(self, found: FoundPlugin, *, staged: bool) -> PluginKeeper:
        entry = PluginEntry(found.manifest, self._settings)
        entry.folder = found.folder
        entry.keeper = self
        return PluginKeeper(entry, found.folder, self._around, staged=staged, bell=self._bell)

    async def _see_through(self, old: PluginKeeper, new: PluginKeeper) -> None:
        """From the start of a staged version until it has the name, or is dropped for another."""
        told = ""
        while new is self._staged:
            if new.state.can_be_asked:
                self._replace(new, f"{new.entry.by} took over from {old.entry.by}", self._drain_s)
            elif not old.state.can_be_asked:
                self._replace(new, f"{old.entry.by} ended")
            elif new.state.is_settled and new.why != told:
                told = new.why
                old.weaken(FOLDER, f"{new.entry.by} in its folder did not come up: {told}")
            else:
                await self._bell.rung()

    async def _until_known(self, staged: PluginKeeper | None) -> None:
        """Waits until it is known what becomes of a version: it serves, or it did not come up."""
        await self._bell.until(
            lambda: self._staged is None or self._staged is not staged or staged.state.is_settled
        )
        if self._staged is None:
            await self._current.wait_settled()

    def _take_over(self, new: PluginKeeper, why: str) -> None:
        self._replace(new, why)
        self._start(new)

    def _replace(self, new: PluginKeeper, why: str, drain_s: float = 0.0) -> None:
        old, self._current, self._staged = self._current, new, None
        self._around.registry.replace(new.entry)
        new.unveil(why)
        old.retire(drain_s)
        log.info(
            "plugin.replaced",
            extra={"plugin": self.name, "old": old.entry.by, "new": new.entry.by, "why": why},
        )
        self._bell.ring()

    def _drop_staged(self) -> None:
        staged, self._staged = self._staged, None
        if staged is not None:
            self._current.recover(FOLDER)
            staged.retire(0.0)

    def _start(self, keeper: PluginKeeper) -> None:
        self._spawn(keeper.run(), f"plugin:{keeper.entry.by}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        # Never cancelled: a keeper must see its process to the end.
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("keeper.failed", exc_info=failure, extra={"task": task.get_name()})

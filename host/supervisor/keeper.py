"""One plugin, kept alive: a task that starts it, watches it, starts it again, or gives it up.

The task is the only one that moves the plugin through its lifecycle; everyone else says what is wanted and nudges.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from host.errors import CallLateError, PluginError, PluginGoneError
from host.process.child import Child, LaunchError
from host.process.exits import Cause, ExitReport
from host.registry.entry import PluginEntry
from host.registry.settings import SettingsChange
from host.registry.view import PluginView
from host.rpc.client import Fault, PluginClient
from host.sandbox.interpreter import Interpreter
from host.sandbox.sandbox import RefusedError
from host.supervisor.handshake import LoadError, initialize
from host.supervisor.lifecycle import TRANSITIONS, Event, PluginState, after
from host.supervisor.memory import resident_bytes
from host.supervisor.restart import RestartHistory
from host.supervisor.status import PluginStatus
from host.supervisor.surroundings import Surroundings
from host.tasks import finish, unless
from plugin_sdk.contract.messages import WireLimits

log = logging.getLogger(__name__)

SHUTDOWN_S = 2.0  # RELIABILITY: for the plugin's own shutdown, before SIGTERM
PIPES_GRACE_S = 2.0  # from closed pipes to the process's end, before it is ended
MEMORY_CHECK_S = 0.1


class PluginKeeper:
    """Keeps the plugin of one entry. `run` is its task; it ends after `end()`."""

    def __init__(self, entry: PluginEntry, folder: Path, around: Surroundings) -> None:
        self.entry = entry
        self.folder = folder
        self._around = around
        self._status = PluginStatus(around.clock.wall_ms())
        self._history = RestartHistory(around.restarts)
        self._child: Child | None = None
        self._last_output: list[str] = []
        self._nudged = asyncio.Event()
        self._settled = asyncio.Condition()
        self._wanted = entry.settings.enabled
        self._afresh = False  # what runs now, or is waited for, is to go: an order that `run` has not met yet
        self._ending = False
        self._interpreter: Interpreter | None = None  # of an environment of its own
        entry.keeper = self
        self._grant()

    @property
    def state(self) -> PluginState:
        """Where it is in its life."""
        return self._status.state

    # What others ask of it. The last order wins: whoever waits for an earlier one is let go.

    async def enable(self) -> None:
        """Starts it unless it runs, and waits until it is ready or has failed."""
        await self._enable()
        await self._around.settings.remember(self.entry.name, SettingsChange(enabled=True))

    async def _enable(self) -> None:
        self.entry.settings.enabled = self._wanted = True
        self._history.forgive()
        if not self.state.is_under_way:
            self._afresh = True
        self._around.registry.enabled_changed(self.entry.name, True)
        await self._nudge()
        await self._until(lambda: not self._wanted or (not self._afresh and self.state.is_settled))

    async def disable(self) -> None:
        """Stops it, and waits until it has ended."""
        await self._disable()
        await self._around.settings.remember(self.entry.name, SettingsChange(enabled=False))

    async def _disable(self) -> None:
        self.entry.settings.enabled = self._wanted = False
        self._afresh = True  # whatever is wanted next: nobody can ask the process that runs now any more
        self.entry.not_ready()
        self._around.registry.enabled_changed(self.entry.name, False)
        await self._nudge()
        await self._until(lambda: self._wanted or self.state is PluginState.STOPPED)

    async def restart(self) -> None:
        """Stops and starts it, whatever its state; a disabled plugin stays disabled."""
        self._history.forgive()
        self._afresh = True
        await self._nudge()
        await self._until(lambda: not self._afresh and self.state.is_settled)

    async def configure(self, change: SettingsChange) -> None:
        """See `host.registry.entry.Keeper`. A process that runs is replaced when it was told something else."""
        entry = self.entry
        told = (entry.config, entry.limits)
        tried = msgspec.structs.replace(entry.settings)
        tried.take(change)
        tried.limits_over(entry.manifest.limits)  # raises before anything is changed
        entry.settings.take(change)
        self._grant()
        if change.enabled is False:
            await self._disable()
        elif change.enabled is True:
            await self._enable()
        if told != (entry.config, entry.limits) and self.state.is_under_way:
            await self.restart()
        await self._around.settings.remember(entry.name, change)

    async def wait_settled(self) -> None:
        """Waits until it can be asked, has failed, or has been stopped."""
        await self._until(lambda: self.state.is_settled)

    def end(self) -> None:
        """Lets `run` come to its end, with the process stopped."""
        self._ending = True
        self._wanted = False
        self.entry.not_ready()
        self._nudged.set()

    def logs(self, limit: int) -> list[str]:
        """The newest lines of its log, oldest first."""
        now = self._child.output.tail(limit) if self._child is not None else []
        lines = self._last_output + now  # the last words of the process before are what is looked for
        return lines[-limit:] if limit > 0 else []

    def view(self) -> PluginView:
        """How it stands."""
        return self._status.view(self.entry, self.folder, self._child, self._around.sandbox)

    # Its task.

    async def run(self) -> None:
        """Lives the plugin's life until `end()`."""
        try:
            await self._live_on()
        finally:
            # However this came to its end, nobody waits for it any longer, and nobody asks it.
            self._ending = True
            self.entry.not_ready()
            self._around.launcher.unpark(self.entry.name)
            await self._tell()

    async def _live_on(self) -> None:
        while not self._ending:
            self._nudged.clear()
            if not self._wanted:
                self._afresh = False
                await self._rest()
                await self._tell()
                await self._nudged.wait()
                continue
            self._afresh = False
            if self.state is not PluginState.VERIFYING:  # else another order came while it was looked at
                again = Event.RETRY_DUE if Event.RETRY_DUE in TRANSITIONS[self.state] else Event.START_WANTED
                await self._move(again, "it is to be started")
            try:
                if not await self._verify():
                    continue
            except RefusedError as error:
                await self._quarantine(Event.REFUSED, str(error))
                continue
            await self._move(Event.VERIFIED, "its manifest is good")
            await self._live()
        await self._rest()

    async def _live(self) -> None:
        """One process, from its start to its end, and what follows from how it ended."""
        self._history.started(self._around.clock.now())
        self.entry.epoch += 1
        scratch: Path | None = None
        try:
            async with self._around.spawns:
                scratch = Path(tempfile.mkdtemp(prefix=f"{self.entry.name}-", dir=self._around.scratch))
                sandbox = self._around.sandbox
                manifest = msgspec.structs.replace(self.entry.manifest, limits=self.entry.limits)
                spec = await asyncio.to_thread(
                    sandbox.launch_spec, manifest, self.folder, scratch, self._interpreter
                )
                child = await self._around.launcher.launch(spec)
        except (LaunchError, RefusedError, OSError) as error:
            if scratch is not None:
                scratch.rmdir()  # nothing ran that could have written into it
            await self._ended(self._not_started(str(error)))
            return
        except BaseException:  # cancelled, or a bug of the host's: nobody comes by here again
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
            raise
        self._child = child
        try:
            load_error = await self._serve(child)
        finally:
            self.entry.not_ready()
            await finish(self._bury(child, scratch))
        report = child.exited.result()
        if self.state is PluginState.STOPPING:
            self._status.last_exit = report
            await self._move(Event.PROCESS_EXITED, report.summary)
        elif load_error is not None:
            self._status.last_exit = report
            await self._quarantine(Event.LOAD_FAILED, f"it cannot be loaded: {load_error}")
        else:
            await self._ended(report)

    async def _serve(self, child: Child) -> str | None:
        """Initializes and watches one process until it is gone or asked to be.

        Returns:
            Why it cannot be loaded, when it said so.
        """
        client = PluginClient(
            self.entry.name,
            child.stdout_fd,
            child.stdin_fd,
            limits=self._around.client,
            counts=self._status.counts,
            on_closed=lambda why, fault: self._on_closed(child, why, fault),
            on_log=child.output.note,
        )
        try:
            limits = self.entry.limits
            deadline = self._around.clock.now() + limits.start_timeout_s
            wire = WireLimits(self._around.client.frame_bytes, self._around.client.in_flight)
            hello = initialize(client, self.entry, limits, wire, deadline=deadline)
            greeting = await unless(self._wanted_otherwise(), hello)
            if greeting is None:
                await self._stop(child, client)
                return None
            client.opened()
            await self._move(Event.INITIALIZED, f"it answered initialize, protocol {greeting.protocol}")
            self.entry.now_ready(client, greeting.capabilities, greeting.handles)
            await self._move(Event.WARMED, "it can be asked")
            self._around.launcher.park_soon(child.spec)
            await self._until_exit_or_nudge(child)
            if child.alive:
                await self._stop(child, client)
        except LoadError as error:
            child.kill("stopped", "it said that it cannot be loaded")
            return str(error)
        except PluginGoneError:
            # Its pipes close an instant before its end is known; `_on_closed` ends one that lives on.
            await asyncio.shield(child.exited)
        except PluginError as error:
            cause: Cause = "timeout" if isinstance(error, CallLateError) else "protocol"
            child.kill(cause, f"it did not come up: {error.reason}")
        finally:
            client.close("its process has ended")
        return None

    async def _wanted_otherwise(self) -> None:
        """Returns when the process that runs is to go; a nudge alone is no reason."""
        while self._wanted and not self._afresh:
            self._nudged.clear()
            await self._nudged.wait()

    async def _until_exit_or_nudge(self, child: Child) -> None:
        nudge = asyncio.ensure_future(self._wanted_otherwise())
        cap = self.entry.limits.memory_bytes
        either: set[asyncio.Future[Any]] = {child.exited, nudge}
        try:
            while child.alive and not nudge.done():
                await asyncio.wait(either, timeout=MEMORY_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
                # A confined child is watched, and ended, by its group or the watchdog.
                held = resident_bytes(child.pid) if child.alive and child.spec.confinement is None else None
                if held is not None and held > cap:
                    child.kill("memory", f"it held {held} bytes of memory, its cap is {cap}")
        finally:
            nudge.cancel()

    async def _stop(self, child: Child, client: PluginClient) -> None:
        await self._move(Event.STOP_WANTED, "it is to be stopped")
        self.entry.not_ready()
        child.expect_exit("stopped", "the host stopped it")
        deadline = self._around.clock.now() + SHUTDOWN_S
        try:
            await client.call("shutdown", b"{}", deadline=deadline)
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(child.exited)
        except (PluginError, TimeoutError):
            pass  # the ladder goes on: SIGTERM, then SIGKILL
        await child.stop()

    async def _bury(self, child: Child, scratch: Path) -> None:
        child.kill("stopped", "the host gave it up")  # nothing to do but when its task was cancelled
        report = await asyncio.shield(child.exited)
        child.close_pipes()
        self._last_output = child.output.tail(256)
        self._child = None
        self._status.buried(report)
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)

    async def _ended(self, report: ExitReport) -> None:
        """After an end that nobody asked for: wait and start again, or give up."""
        self._status.last_exit = report
        around = self._around
        around.registry.events.publish(
            "plugin:error", self.entry.name, report.at_ms, {"cause": report.cause, "summary": report.summary}
        )
        if self._history.spent(around.clock.now()):
            policy = around.restarts
            why = f"{report.summary}; {policy.intensity} starts within {policy.period_s:g} s are enough"
            await self._quarantine(Event.INTENSITY_SPENT, why)
            return
        delay = self._history.delay_after_exit(report.lived_s, around.chance())
        self._status.next_retry_ms = around.clock.wall_ms() + delay * 1000
        await self._move(Event.PROCESS_EXITED, f"{report.summary}; it starts again in {delay:.1f} s")
        await self._pause(delay)

    async def _quarantine(self, event: Event, why: str) -> None:
        self._status.next_retry_ms = self._around.clock.wall_ms() + self._around.restarts.quarantine_s * 1000
        await self._move(event, why)
        await self._pause(self._around.restarts.quarantine_s)

    async def _pause(self, seconds: float) -> None:
        """Waits, unless somebody wants something."""
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._status.next_retry_ms = None

    async def _rest(self) -> None:
        self._around.launcher.unpark(self.entry.name)
        if self.state is not PluginState.STOPPED:
            why = "the host is stopping" if self._ending else "it is disabled"
            await self._move(Event.STOP_WANTED, why)

    async def _move(self, event: Event, why: str) -> None:
        was, now, at_ms = self.state, after(self.state, event), self._around.clock.wall_ms()
        self._status.moved(now, why, at_ms)
        unwell = now in (PluginState.BACKOFF, PluginState.QUARANTINED)
        log.log(
            logging.WARNING if unwell else logging.INFO,
            "plugin.state_changed",
            extra={"plugin": self.entry.name, "was": was.value, "now": now.value, "why": why},
        )
        detail = {"was": was.value, "now": now.value, "why": why}
        self._around.registry.events.publish("plugin:state", self.entry.name, at_ms, detail)
        await self._tell()

    def _grant(self) -> None:
        entry = self.entry
        entry.limits = self._around.policy.grant(entry.settings.limits_over(entry.manifest.limits))

    async def _tell(self) -> None:
        """Wakes those who wait for a state."""
        async with self._settled:
            self._settled.notify_all()

    async def _nudge(self) -> None:
        self._nudged.set()
        await self._tell()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._settled:
            await self._settled.wait_for(lambda: condition() or self._ending)

    async def _verify(self) -> bool:
        """Whether it may be started now; not, when another order came meanwhile.

        Raises:
            RefusedError: This manifest cannot be started on this host, good as it is in itself.
        """
        manifest = self.entry.manifest
        self._around.sandbox.check(manifest, self.folder)
        if not manifest.python_dependencies:
            return True
        if manifest.command is not None:
            raise RefusedError(
                "it is a command and asks for Python packages ([dependencies]), which are for plugins with an entry; "
                "take one of the two out of plugin.toml"
            )
        made = self._around.environments.interpreter(manifest.python_dependencies, self.folder)
        self._interpreter = await unless(self._wanted_otherwise(), made)
        return self._interpreter is not None

    def _on_closed(self, child: Child, why: str, fault: Fault | None) -> None:
        self.entry.not_ready()
        if fault is not None:
            child.kill("timeout" if fault == "hang" else "protocol", why)
        elif child.alive:
            why = f"{why} but did not end"
            asyncio.get_running_loop().call_later(PIPES_GRACE_S, child.kill, "stopped", why)

    def _not_started(self, why: str) -> ExitReport:
        return ExitReport(cause="notStarted", summary=why, at_ms=self._around.clock.wall_ms(), lived_s=0.0)

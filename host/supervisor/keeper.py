"""One version of one plugin, kept alive: a task that starts it, watches it, starts it again, or gives it up.

The task moves the plugin through its lifecycle; everyone else says what is wanted and nudges. (What weakens a plugin
that can be asked is noted from outside, at the instant it happens: READY and DEGRADED are one to the task.)
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from host.errors import CallLateError, PluginError, PluginGoneError
from host.process.child import Child, LaunchError
from host.process.exits import Cause, ExitReport
from host.registry.entry import PluginEntry
from host.registry.following import LogMark, LogNews, news_of
from host.registry.view import PluginView
from host.rpc.breaker import Breakers, BreakerState, CircuitBreaker
from host.sandbox.interpreter import Interpreter
from host.sandbox.sandbox import RefusedError
from host.supervisor.announcer import Announcer
from host.supervisor.handshake import LoadError
from host.supervisor.incarnation import Incarnation
from host.supervisor.lifecycle import TRANSITIONS, Event, PluginState, after
from host.supervisor.restart import RestartHistory
from host.supervisor.status import PluginStatus
from host.supervisor.surroundings import Surroundings
from host.supervisor.weaknesses import Weaknesses
from host.tasks import Bell, finish, unless

_LOGS = itertools.count(1)  # whoever follows a log tells those of two versions apart


class PluginKeeper:
    """Keeps the plugin of one entry. `run` is its task; it ends after `end()`.

    Attributes:
        bell: Rung at every move.
    """

    def __init__(
        self,
        entry: PluginEntry,
        folder: Path,
        around: Surroundings,
        *,
        staged: bool = False,
        bell: Bell | None = None,
    ) -> None:
        """One that is *staged* comes up beside the version that serves: its moves are no events, and it is `unveil`ed
        when it takes over.
        """
        self.entry = entry
        self.folder = folder
        self.bell = bell or Bell()
        self._around = around
        self._status = PluginStatus(around.clock.wall_ms())
        self._history = RestartHistory(around.restarts)
        self._process: Incarnation | None = None
        self._last_output: list[str] = []
        self._lines_buried = 0
        self._log_source = next(_LOGS)
        self._nudged = asyncio.Event()
        self._wanted = entry.settings.enabled
        self._afresh = False  # what runs now, or is waited for, is to go: an order that `run` has not met yet
        self._ending = False
        self._why_ending = ""
        self._drain_s = 0.0
        self._events = Announcer(around, entry, staged)
        self._superseded = False  # what is parked by its name is another version's
        self._weaknesses = Weaknesses()
        self._interpreter: Interpreter | None = None  # of an environment of its own
        entry.breakers = Breakers(around.breaker, self._on_breaker)
        self.grant()

    @property
    def state(self) -> PluginState:
        """Where it is in its life."""
        return self._status.state

    @property
    def why(self) -> str:
        """How it came there."""
        return self._status.why

    def grant(self) -> None:
        """Takes the limits from manifest, settings and policy anew; a process that runs has those of its start."""
        entry = self.entry
        entry.limits = self._around.policy.grant(entry.settings.limits_over(entry.manifest.limits))

    # What others ask of it. The last order wins: whoever waits for an earlier one is let go.

    async def enable(self) -> None:
        """Starts it unless it runs, and waits until it is ready or has failed."""
        self.entry.settings.enabled = self._wanted = True
        self._history.forgive()
        self.entry.breakers.reset()
        if not self.state.is_under_way:
            self._afresh = True
        self._around.registry.enabled_changed(self.entry.name, True)
        self._nudge()
        await self._until_settled(lambda: not self._wanted or (not self._afresh and self.state.is_settled))

    async def disable(self) -> None:
        """Stops it, and waits until it has ended."""
        self.entry.settings.enabled = self._wanted = False
        self._afresh = True  # whatever is wanted next: nobody can ask the process that runs now any more
        self.entry.not_ready()
        self._around.registry.enabled_changed(self.entry.name, False)
        self._nudge()
        await self._until_settled(lambda: self._wanted or self.state is PluginState.STOPPED)

    async def restart(self) -> None:
        """Stops and starts it, whatever its state; a disabled plugin stays disabled."""
        self._history.forgive()
        self.entry.breakers.reset()
        self._afresh = True
        self._nudge()
        await self._until_settled(lambda: not self._afresh and self.state.is_settled)

    async def wait_settled(self) -> None:
        """Waits until it can be asked, has failed, or has been stopped."""
        await self._until_settled(lambda: self.state.is_settled)

    def end(self, why: str, drain_s: float = 0.0) -> None:
        """Lets `run` come to its end, with the process stopped, after the calls that are open were answered."""
        self._why_ending = self._why_ending or why
        self._drain_s = drain_s
        self._ending = True
        self._wanted = False
        self.entry.not_ready()
        self._nudge()

    def retire(self, drain_s: float) -> None:
        """As `end`, after another version took its place: calls that are open are answered first."""
        self._superseded = self._events.silent = True
        self._why_ending = "another version took its place"
        self._drain_s = drain_s
        self._ending = True
        if not drain_s:
            self.entry.not_ready()
        self._wanted = False
        self._nudge()

    def unveil(self, why: str) -> None:
        """From here on it is the one that its name stands for, in whatever state it is."""
        self._events.staged = False
        self._events.moved(self.state, self.state, why if self.state.can_be_asked else self.why)

    def weaken(self, what: str, why: str) -> None:
        """It can be asked, but *what* of it is weaker than it should be, until `recover`."""
        if self._weaknesses.note(what, why) and self.state.can_be_asked:
            self._move(Event.WEAKENED, str(self._weaknesses))

    def recover(self, what: str) -> None:
        """That is over."""
        if not self._weaknesses.forget(what) or self.state is not PluginState.DEGRADED:
            return
        if self._weaknesses:
            self._move(Event.WEAKENED, str(self._weaknesses))
        else:
            self._move(Event.RECOVERED, "it is as it should be again")

    def logs(self, limit: int) -> list[str]:
        """The newest lines of its log, oldest first."""
        lines = list(self._last_output)
        if self._process is not None:
            lines += self._process.child.output.tail(limit)
        return lines[-limit:] if limit > 0 else []

    def log_news(self, mark: LogMark | None) -> LogNews:
        """What was written since *mark*, by however many processes."""
        kept, seen = self._last_output, self._lines_buried
        if self._process is not None:
            output = self._process.child.output
            kept, seen = kept + output.finished(), seen + output.lines_seen
        return news_of(self._log_source, seen, kept, mark)

    def view(self) -> PluginView:
        """How it stands now."""
        return self._status.view(self.entry, self.folder, self._child, self._around.sandbox)

    async def run(self) -> None:
        """Lives the plugin's life until `end()`."""
        try:
            await self._live_on()
        finally:
            # However this came to its end, nobody waits for it any longer, and nobody asks it.
            self._ending = True
            self.entry.not_ready()
            self._unpark()
            self.bell.ring()

    async def _live_on(self) -> None:
        while not self._ending:
            self._nudged.clear()
            if not self._wanted:
                self._afresh = False
                self._rest()
                self.bell.ring()
                await self._nudged.wait()
                continue
            self._afresh = False
            if self.state is not PluginState.VERIFYING:  # else another order came while it was looked at
                again = Event.RETRY_DUE if Event.RETRY_DUE in TRANSITIONS[self.state] else Event.START_WANTED
                self._move(again, "it is to be started")
            try:
                if not await self._verify():
                    continue
            except RefusedError as error:
                await self._quarantine(Event.REFUSED, str(error))
                continue
            self._move(Event.VERIFIED, "its manifest is good")
            await self._live()
        self._rest()

    async def _live(self) -> None:
        """One process, from its start to its end, and what follows from how it ended."""
        self._history.started(self._around.clock.now())
        self.entry.epoch += 1
        try:
            process = await Incarnation.launch(
                self.entry, self.folder, self._around, self._status.counts, self._interpreter
            )
        except (LaunchError, RefusedError, OSError) as error:
            await self._ended(self._not_started(str(error)))
            return
        self._process = process
        try:
            load_error = await self._serve(process)
        finally:
            self.entry.not_ready()
            await finish(self._bury(process))
        report = process.child.exited.result()
        if self.state is PluginState.STOPPING:
            self._status.last_exit = report
            self._move(Event.PROCESS_EXITED, report.summary)
        elif load_error is not None:
            self._status.last_exit = report
            await self._quarantine(Event.LOAD_FAILED, f"it cannot be loaded: {load_error}")
        else:
            await self._ended(report)

    async def _serve(self, process: Incarnation) -> str | None:
        """Initializes and watches one process until it is gone or asked to be.

        Returns:
            Why it cannot be loaded, when it said so.
        """
        child = process.child
        try:
            greeting = await process.greet(self._wanted_otherwise())
            if greeting is None:
                await self._stop(process)
                return None
            self._move(Event.INITIALIZED, f"it answered initialize, protocol {greeting.protocol}")
            self.entry.now_ready(process.client, greeting.capabilities, greeting.handles)
            if self._events.staged:
                await unless(self._wanted_otherwise(), self._around.warm(self.entry))
            if child.alive and self.entry.caller is not None:
                self._move(Event.WARMED, "it can be asked")
                if self._weaknesses:
                    self._move(Event.WEAKENED, str(self._weaknesses))
                self._around.launcher.park_soon(child.spec)
            await process.watch(self._wanted_otherwise())
            if child.alive:
                await self._stop(process)
        except LoadError as error:
            child.kill("stopped", "it said that it cannot be loaded")
            return str(error)
        except PluginGoneError:
            # Its pipes close an instant before its end is known; one that lives on is ended.
            await asyncio.shield(child.exited)
        except PluginError as error:
            cause: Cause = "timeout" if isinstance(error, CallLateError) else "protocol"
            child.kill(cause, f"it did not come up: {error.reason}")
        finally:
            process.client.close("its process has ended")
        return None

    async def _wanted_otherwise(self) -> None:
        """Returns when the process that runs is to go; a nudge alone is no reason."""
        while self._wanted and not self._afresh:
            self._nudged.clear()
            await self._nudged.wait()

    async def _stop(self, process: Incarnation) -> None:
        self._move(Event.STOP_WANTED, self._why_ending or "it is to be stopped")
        if not self._superseded:
            self.entry.not_ready()
        await process.stop(self._drain_s, self.entry.not_ready)

    async def _bury(self, process: Incarnation) -> None:
        report = await process.bury()
        output = process.child.output
        output.end()
        self._last_output = output.finished()
        self._lines_buried += output.lines_seen
        self._process = None
        self._status.buried(report)

    async def _ended(self, report: ExitReport) -> None:
        """After an end that nobody asked for: wait and start again, or give up."""
        self._status.last_exit = report
        around = self._around
        self._events.error({"cause": report.cause, "summary": report.summary})
        if self._history.spent(around.clock.now()):
            policy = around.restarts
            why = f"{report.summary}; {policy.intensity} starts within {policy.period_s:g} s are enough"
            await self._quarantine(Event.INTENSITY_SPENT, why)
            return
        delay = self._history.delay_after_exit(report.lived_s, around.chance())
        self._status.next_retry_ms = around.clock.wall_ms() + delay * 1000
        self._move(Event.PROCESS_EXITED, f"{report.summary}; it starts again in {delay:.1f} s")
        await self._pause(delay)

    async def _quarantine(self, event: Event, why: str) -> None:
        self._status.next_retry_ms = self._around.clock.wall_ms() + self._around.restarts.quarantine_s * 1000
        self._move(event, why)
        await self._pause(self._around.restarts.quarantine_s)

    async def _pause(self, seconds: float) -> None:
        """Waits, unless somebody wants something."""
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._status.next_retry_ms = None

    def _rest(self) -> None:
        self._unpark()
        if self.state is not PluginState.STOPPED:
            self._move(Event.STOP_WANTED, self._why_ending or "it is disabled")

    def _unpark(self) -> None:
        if not self._superseded:
            self._around.launcher.unpark(self.entry.name)

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

    # What it says.

    def _move(self, event: Event, why: str) -> None:
        was, now = self.state, after(self.state, event)
        self._status.moved(now, why, self._around.clock.wall_ms())
        self._events.moved(was, now, why)
        self.bell.ring()

    def _on_breaker(self, method: str, breaker: CircuitBreaker) -> None:
        if breaker.state is BreakerState.OPEN:
            why = f"{method} is not asked: {breaker.why}"
            self._events.error({"cause": "circuitOpen", "method": method, "summary": why})
            self.weaken(f"breaker:{method}", why)
        elif breaker.state is BreakerState.CLOSED:
            self.recover(f"breaker:{method}")

    def _nudge(self) -> None:
        self._nudged.set()
        self.bell.ring()

    async def _until_settled(self, condition: Callable[[], bool]) -> None:
        await self.bell.until(lambda: condition() or self._ending)

    @property
    def _child(self) -> Child | None:
        return self._process.child if self._process is not None else None

    def _not_started(self, why: str) -> ExitReport:
        return ExitReport(cause="notStarted", summary=why, at_ms=self._around.clock.wall_ms(), lived_s=0.0)

"""One process of a plugin, from its launch to its burial; what its life means is its keeper's to say."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from host.errors import BadResultError, PluginError
from host.process.child import Child
from host.process.exits import ExitReport
from host.registry.entry import PluginEntry
from host.rpc.client import Fault, PluginClient
from host.rpc.counts import CallCounts
from host.rpc.pipe import Pipe
from host.sandbox.interpreter import Interpreter
from host.supervisor.handshake import LoadError, initialize
from host.supervisor.memory import resident_bytes
from host.supervisor.surroundings import Surroundings
from host.tasks import Background, unless
from plugin_sdk.contract.messages import InitializeResult, ProgressParams, WireLimits

SHUTDOWN_S = 2.0  # RELIABILITY: for the plugin's own shutdown, before SIGTERM
PIPES_GRACE_S = 2.0  # from closed pipes to the process's end, before it is ended
MEMORY_CHECK_S = 0.1
PROGRESS_S = 0.1  # between two events of a training's progress; those in between are not told
PROGRESS_SHOWN = 300  # characters of its message


class Incarnation:
    """Made by `launch`; to be seen to its end with `bury`, whatever happens."""

    def __init__(
        self, entry: PluginEntry, around: Surroundings, child: Child, scratch: Path, counts: CallCounts
    ) -> None:
        self.child = child
        self._entry = entry
        self._around = around
        self._scratch = scratch
        self._background = Background()
        self._progress_at = -PROGRESS_S
        child.limit_output(around.client.log_bytes_per_s)
        self.client = PluginClient(
            entry.name,
            child.stdout_fd,
            child.stdin_fd,
            limits=around.client,
            counts=counts,
            breakers=entry.breakers,
            on_closed=self._on_closed,
            on_log=child.output.note,
            on_progress=self._on_progress,
            make_pipe=Pipe if around.recorder is None else around.recorder.pipe_maker(entry.name),
        )

    @classmethod
    async def launch(
        cls,
        entry: PluginEntry,
        folder: Path,
        around: Surroundings,
        counts: CallCounts,
        interpreter: Interpreter | None,
    ) -> Incarnation:
        """Starts a process in *folder*; few are started at once.

        Raises:
            LaunchError, RefusedError, OSError: It was not started, and nothing of it is left.
        """
        scratch: Path | None = None
        try:
            async with around.spawns:
                scratch = Path(tempfile.mkdtemp(prefix=f"{entry.name}-", dir=around.scratch))
                manifest = msgspec.structs.replace(entry.manifest, limits=entry.limits)
                spec = await asyncio.to_thread(
                    around.sandbox.launch_spec, manifest, folder, scratch, interpreter
                )
                child = await around.launcher.launch(spec)
        except BaseException:  # refused, cancelled, or a bug of the host's: nobody comes by here again
            if scratch is not None:
                _remove(scratch)
            raise
        return cls(entry, around, child, scratch, counts)

    async def greet(self, unwanted: Coroutine[Any, Any, None]) -> InitializeResult | None:
        """Its answer to `initialize`; `None` when it became *unwanted* first.

        Raises:
            LoadError, PluginError: See `handshake.initialize`.
        """
        greeting = await unless(unwanted, self._initialize())
        if greeting is not None:
            self.client.opened()
        return greeting

    async def _initialize(self) -> InitializeResult:
        limits, states = self._around.client, self._around.states
        state = await states.offer(self._entry)
        try:
            greeting = await initialize(
                self.client,
                self._entry,
                self._entry.limits,
                WireLimits(limits.frame_bytes, limits.in_flight),
                deadline=self._around.clock.now() + self._entry.limits.start_timeout_s,
                state=state,
                shared=self._around.sandbox.shared_as_seen,
            )
        except (LoadError, PluginError) as error:
            if state is None:
                raise
            # It may be the state's fault: the next process does without it.
            why = error.reason if isinstance(error, PluginError) else str(error)
            await states.refused(self._entry, state, why)
            if isinstance(error, LoadError):
                raise BadResultError(
                    self._entry.name, f"with its saved state it could not be loaded: {why}"
                ) from error
            raise
        states.told(self._entry, state, greeting)
        return greeting

    async def watch(self, unwanted: Coroutine[Any, Any, None]) -> None:
        """Returns when it has ended, or became *unwanted*."""
        nudge = asyncio.ensure_future(unwanted)
        self._background.start(self._heartbeat(), name=f"heartbeat:{self._entry.name}")
        either: set[asyncio.Future[Any]] = {self.child.exited, nudge}
        # A confined child is watched, and ended, by its group or the watchdog.
        check_s = MEMORY_CHECK_S if self.child.spec.confinement is None else None
        try:
            while self.child.alive and not nudge.done():
                await asyncio.wait(either, timeout=check_s, return_when=asyncio.FIRST_COMPLETED)
                self._check_memory()
        finally:
            nudge.cancel()

    async def stop(self, drain_s: float, before: Callable[[], None]) -> None:
        """Asks it to end, then insists; calls that are open are answered first, for at most *drain_s*.

        Args:
            before: Called when they are: from there on it is not asked any more.
        """
        child, client = self.child, self.client
        if drain_s > 0 and child.alive:
            try:
                async with asyncio.timeout(drain_s):
                    await client.wait_idle()
            except TimeoutError:
                pass  # they are lost, as after a crash
        before()
        child.expect_exit("stopped", "the host stopped it")
        deadline = self._around.clock.now() + SHUTDOWN_S
        try:
            await client.call("shutdown", b"{}", deadline=deadline)
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(child.exited)
        except (PluginError, TimeoutError):
            pass  # the ladder goes on: SIGTERM, then SIGKILL
        await child.stop()

    async def bury(self) -> ExitReport:
        """Returns when nothing of it is left; one that still runs is killed."""
        await self._background.aclose()
        self.child.kill("stopped", "the host gave it up")  # nothing to do but when its task was cancelled
        report = await asyncio.shield(self.child.exited)
        self.client.close("its process has ended")
        self.child.close_pipes()
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)
        return report

    def _check_memory(self) -> None:
        child, cap = self.child, self._entry.limits.memory_bytes
        held = resident_bytes(child.pid) if child.alive and child.spec.confinement is None else None
        if held is not None and held > cap:
            child.kill("memory", f"it held {held} bytes of memory, its cap is {cap}")

    async def _heartbeat(self) -> None:
        """Asks one that was quiet for long whether it lives; the client takes care of no answer."""
        every_s, now = self._around.client.heartbeat_s, self._around.clock.now
        while True:
            quiet_since = self.client.quiet_since
            quiet_s = 0.0 if quiet_since is None else now() - quiet_since
            if quiet_s < every_s:
                await asyncio.sleep(every_s - quiet_s)
                continue
            try:
                await self.client.call("ping", b"{}", deadline=now() + self._entry.limits.call_timeout_s)
            except PluginError:
                await asyncio.sleep(every_s)  # late: a second silence is a hang, which the client tells

    def _on_progress(self, progress: ProgressParams) -> None:
        now, fraction = self._around.clock.now(), progress.fraction
        whole = fraction is not None and fraction >= 1.0
        if now - self._progress_at < PROGRESS_S and not whole:
            return
        self._progress_at = now
        detail: dict[str, object] = {"method": "train"}
        if fraction is not None:
            detail["fraction"] = min(max(fraction, 0.0), 1.0)
        if progress.message is not None:
            detail["message"] = progress.message[:PROGRESS_SHOWN]
        self._around.registry.events.publish(
            "plugin:progress", self._entry.name, self._around.clock.wall_ms(), detail
        )

    def _on_closed(self, why: str, fault: Fault | None) -> None:
        self._entry.not_ready()
        if fault is not None:
            self.child.kill("timeout" if fault == "hang" else "protocol", why)
        elif self.child.alive:
            why = f"{why} but did not end"
            asyncio.get_running_loop().call_later(PIPES_GRACE_S, self.child.kill, "stopped", why)


def _remove(scratch: Path) -> None:
    try:
        # As a rule nothing ran that could have written into it; and this needs no descriptor: there may be none left.
        scratch.rmdir()
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)

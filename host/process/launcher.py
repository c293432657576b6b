"""Starts confined programs: asks a spawner for a child, attends it while it confines itself, lets it go.

Theory of operation. There is one plain spawner, and one zygote for each set of modules to have loaded; each is
started when first needed and replaced when it dies. A launch is a conversation of four words: the child is made and
waits; the host puts it into its group and says GO; it confines itself and says so; the host looks at the kernel's
own account of it and says RUN. Whatever goes wrong in between, the child is killed and nothing of it is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from host.clock import Clock
from host.process.child import Child, LaunchError, Pipes
from host.process.confined import ConfinedChild, Holds
from host.process.group import Group, Groups
from host.process.spawner.link import Launched, SpawnerError, SpawnerLink
from host.process.spec import Confinement, LaunchSpec
from host.process.status import GO, RUN, StatusSocket
from host.process.watchdog import MemoryWatchdog

log = logging.getLogger(__name__)

CONFINE_S = 10.0  # from its making to its own word; it takes some ms
FORKS_OF_A_ZYGOTE = 1000  # siblings share the layout of addresses: not for ever


class NotHeldError(Exception):
    """The kernel's account of a process is not what was ordered; says in what."""


class Witness(Protocol):
    """Looks at the kernel's own account of a child. Raises `NotHeldError`, or `OSError` when it cannot look."""

    def at_clone(self, pid: int, plan: Mapping[str, Any]) -> None:
        """Before it does anything: its namespaces, which it cannot leave later."""
        ...

    def before_run(self, pid: int, uid: int, plan: Mapping[str, Any]) -> None:
        """When it says that it is confined, and waits."""
        ...


@dataclass(frozen=True)
class Tools:
    """What the sandbox lends to the launcher.

    Attributes:
        program: The file that a spawner's interpreter runs.
        python: The interpreter.
        env: The whole environment of spawners and zygotes.
        alarm: Makes a taker of alarms; its argument says whether the first execve is to pass.
    """

    program: Path
    python: str
    env: Mapping[str, str]
    witness: Witness
    alarm: Callable[[bool], Callable[[int], str | None]]
    groups: Groups | None = None


class SandboxLauncher:
    """Satisfies `Launcher`. To be closed with `aclose`, after all children have been seen to their end."""

    def __init__(self, clock: Clock, tools: Tools) -> None:
        self._clock = clock
        self._tools = tools
        self._watchdog = MemoryWatchdog()
        self._links: dict[tuple[str, ...], SpawnerLink] = {}
        self._opening: dict[tuple[str, ...], asyncio.Lock] = {}
        self._retired: list[SpawnerLink] = []

    async def launch(self, spec: LaunchSpec) -> Child:
        """Starts *spec* in its sandbox; returns when it is confined and its program begins.

        Raises:
            LaunchError: It was not started; says which step failed. Nothing of it is left.
        """
        confinement = spec.confinement
        if confinement is None:
            raise LaunchError(f"{spec.name} has no plan for its sandbox; start it with LocalLauncher")
        try:
            link = await self._link(confinement.preload)
        except SpawnerError as error:
            raise LaunchError(f"{spec.name} cannot be started: {error}") from error
        attempt = _Attempt(spec, confinement, link)
        try:
            return await attempt.run(self._tools, self._watchdog, self._clock)
        except SpawnerError as error:
            raise LaunchError(f"{spec.name} could not be confined, so it was not run: {error}") from error
        except NotHeldError as error:
            raise LaunchError(
                f"{spec.name} was ended before it ran, since it is not held as ordered: {error}"
            ) from error
        except TimeoutError as error:
            raise LaunchError(f"{spec.name} did not come to be confined within {CONFINE_S:g} s") from error
        except OSError as error:
            raise LaunchError(f"cannot start {spec.name}: {error.strerror or error}") from error

    async def warm(self, preload: tuple[str, ...]) -> None:
        """Starts the zygote for *preload* ahead of need; that it cannot be is said when it is needed."""
        with contextlib.suppress(SpawnerError):
            await self._link(preload)

    async def aclose(self) -> None:
        """Ends all spawners, and whatever child they still have."""
        for link in (*self._links.values(), *self._retired):
            link.close()
        self._links.clear()
        self._retired.clear()

    def spawner_pids(self) -> dict[tuple[str, ...], int]:
        """The spawners that run, by what they have preloaded."""
        return {preload: link.pid for preload, link in self._links.items() if link.alive}

    async def _link(self, preload: tuple[str, ...]) -> SpawnerLink:
        async with self._opening.setdefault(preload, asyncio.Lock()):
            link = self._links.get(preload)
            if link is not None and link.alive and not (preload and link.launches >= FORKS_OF_A_ZYGOTE):
                return link
            if link is not None and link.alive:
                self._retired.append(link)  # its children live on, and die with it
            tools = self._tools
            # -S: the plain spawner needs no site, and is ready in half of the time.
            options = ("-I", "-B") if preload else ("-I", "-S", "-B")
            more = ("--preload", ",".join(preload)) if preload else ()
            self._retired = [each for each in self._retired if not each.close_if_idle()]
            opened = await SpawnerLink.open((tools.python, *options), tools.program, tools.env, *more)
            self._links[preload] = opened
            log.info("spawner.started", extra={"pid": opened.pid, "preload": list(preload)})
            return opened


class _Attempt:
    """One launch, from nothing to a running program, or back to nothing."""

    def __init__(self, spec: LaunchSpec, confinement: Confinement, link: SpawnerLink) -> None:
        self._spec = spec
        self._confinement = confinement
        self._link = link
        self._undo = contextlib.ExitStack()
        self._passed_on = contextlib.ExitStack()  # what is the child's once it was made

    async def run(self, tools: Tools, watchdog: MemoryWatchdog, clock: Clock) -> Child:
        with self._undo, self._passed_on:
            async with asyncio.timeout(CONFINE_S):
                group = self._group(tools.groups)
                joins = self._joins(group)
                pipes, status, launched = await self._made(joins)
                tools.witness.at_clone(launched.pid, self._confinement.plan)
                if group is not None and not joins:
                    # The kernel waits until no process is in the middle of a fork: 10 to 25 ms.
                    await asyncio.to_thread(group.add, launched.pid)
                status.say(GO)
                pid, uid, listener = await self._confined(status)
                program_pidfd = os.pidfd_open(pid)
                self._undo.callback(os.close, program_pidfd)
                tools.witness.before_run(pid, uid, self._confinement.plan)
                if group is not None and not group.holds(pid):
                    raise NotHeldError("it is not in its group")
                watch = None
                if self._confinement.watch_bytes is not None:
                    watch = watchdog.watch(pid, self._confinement.watch_bytes)
                    self._undo.callback(watch.close)
                alarm = tools.alarm(self._confinement.let_exec)
                holds = Holds(status, launched, program_pidfd, group, watch, listener, alarm)
                child = ConfinedChild(self._spec, pid, pipes, holds, clock)
                self._undo.pop_all()  # from here on it is the child's to give back
                self._link.on_end(launched.launch, child.on_end)
                with contextlib.suppress(OSError):  # it has died: its end is on its way
                    status.say(RUN)
                return child

    def _group(self, groups: Groups | None) -> Group | None:
        if self._confinement.group is None:
            return None
        if groups is None:
            raise NotHeldError("its plan has a group, but no groups can be made here")
        group = groups.prepare(self._confinement.group)
        self._undo.callback(group.remove)
        return group

    def _joins(self, group: Group | None) -> list[int]:
        """Descriptors by which the child joins its group itself; closed again at the end of the attempt."""
        joins = group.join_fds() if group is not None else []
        for descriptor in joins:
            self._passed_on.callback(os.close, descriptor)
        return joins

    async def _made(self, joins: list[int]) -> tuple[Pipes, StatusSocket, Launched]:
        theirs: list[int] = []
        ours: list[int] = []
        with self._passed_on as passed_on:
            for host_reads in (False, True, True):
                reading, writing = os.pipe()
                ours.append(reading if host_reads else writing)
                theirs.append(writing if host_reads else reading)
                self._undo.callback(os.close, ours[-1])
                passed_on.callback(os.close, theirs[-1])
            status, status_of_child = StatusSocket.pair()
            self._undo.callback(status.close)
            passed_on.callback(status_of_child.close)
            theirs.append(status_of_child.fileno())
            launched = await self._link.launch(self._confinement.plan, theirs + joins)
        self._undo.callback(_discard, launched)
        return Pipes(*ours), status, launched

    async def _confined(self, status: StatusSocket) -> tuple[int, int, int | None]:
        """Hears the child out; returns the program's pid, its uid, and its alarm's listener."""
        listener: int | None = None
        while True:
            report = await status.next()
            if report is None:
                raise SpawnerError("confinement", "it ended without a word")
            if report.descriptors:
                listener = report.descriptors[0]
                self._undo.callback(os.close, listener)
            elif "step" in report.message:
                raise SpawnerError(str(report.message["step"]), str(report.message.get("error")))
            elif "exit" in report.message:
                code = os.waitstatus_to_exitcode(report.message["exit"])
                raise SpawnerError("confinement", f"it ended with {code} and without a word")
            elif "ok" in report.message:
                return report.pid, report.uid, listener


def _discard(launched: Launched) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(launched.pidfd, signal.SIGKILL)
    os.close(launched.pidfd)

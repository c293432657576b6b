"""One launch, as a conversation: a child is made and waits; it is given its plan, confines itself, waits; RUN.

Whatever goes wrong in between, the child is killed and nothing of it is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from host.clock import Clock
from host.process.child import Child, LaunchError, Pipes
from host.process.confined import ConfinedChild, Holds, is_readable
from host.process.group import Group, Groups
from host.process.spawner.link import Launched, SpawnerError, SpawnerLink
from host.process.spec import Confinement, LaunchSpec
from host.process.status import ORDERS_BYTES, RUN, StatusSocket
from host.process.watchdog import Watchdog

CONFINE_S = 10.0  # from its making to its own word; it takes some ms


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
    places: int = 4  # for parked children


class Parked:
    """A confined child that waits for its word; to be run or discarded."""

    def __init__(
        self,
        spec: LaunchSpec,
        pid: int,
        pipes: Pipes,
        holds: Holds,
        link: SpawnerLink,
        undo: contextlib.ExitStack,
    ) -> None:
        self._spec = spec
        self._pid = pid
        self._pipes = pipes
        self._holds = holds
        self._link = link
        self._undo = undo

    def is_fit(self, spec: LaunchSpec) -> bool:
        """Whether it lives, and is what *spec* would start."""
        return spec == self._spec and not is_readable(self._holds.program_pidfd)

    def run(self, clock: Clock, watchdog: Watchdog) -> Child:
        """Lets it go.

        Raises:
            LaunchError: It could not be watched.
        """
        with self._undo:
            confinement = self._spec.confinement
            if confinement is not None and confinement.watch_bytes is not None:
                try:
                    self._holds.watch = watchdog.watch(
                        self._pid,
                        confinement.watch_bytes,
                        cpu_cores=confinement.watch_cores,
                        tasks=confinement.watch_tasks,
                    )
                except OSError as error:
                    raise LaunchError(f"cannot watch {self._spec.name}: {error.strerror or error}") from error
                self._undo.callback(self._holds.watch.close)
            child = ConfinedChild(self._spec, self._pid, self._pipes, self._holds, clock)
            self._undo.pop_all()  # from here on it is the child's to give back
        self._link.on_end(self._holds.launched.launch, child.on_end)
        with contextlib.suppress(OSError):  # it has died: its end is on its way
            self._holds.status.say(RUN)
        return child

    def discard(self) -> None:
        """Ends it; nothing of it is left."""
        self._undo.close()
        self._link.on_end(self._holds.launched.launch, lambda _: None)


class Attempt:
    """One launch, from nothing to a child that waits for its word, or back to nothing."""

    def __init__(self, spec: LaunchSpec, confinement: Confinement, link: SpawnerLink, tools: Tools) -> None:
        self._spec = spec
        self._confinement = confinement
        self._link = link
        self._tools = tools
        self._undo = contextlib.ExitStack()
        self._passed_on = contextlib.ExitStack()  # what is the child's once it was made

    async def park(self) -> Parked:
        plan, witness = self._confinement.plan, self._tools.witness
        orders = json.dumps(plan, separators=(",", ":")).encode()
        if len(orders) > ORDERS_BYTES:
            raise SpawnerError("plan", f"it has {len(orders)} bytes, at most {ORDERS_BYTES} can be sent")
        with self._undo, self._passed_on:
            async with asyncio.timeout(CONFINE_S):
                group = self._group(self._tools.groups)
                joins = self._joins(group)
                pipes, status, launched = await self._made(joins)
                witness.at_clone(launched.pid, plan)
                if group is not None and not joins:
                    # The kernel waits until no process is in the middle of a fork: 10 to 25 ms.
                    await asyncio.to_thread(group.add, launched.pid)
                status.say(orders)
                pid, uid, listener = await self._confined(status)
            program_pidfd = os.pidfd_open(pid)
            self._undo.callback(os.close, program_pidfd)
            witness.before_run(pid, uid, plan)
            if group is not None and not group.holds(pid):
                raise NotHeldError("it is not in its group")
            alarm = self._tools.alarm(self._confinement.let_exec)
            holds = Holds(status, launched, program_pidfd, group, None, listener, alarm)
            return Parked(self._spec, pid, pipes, holds, self._link, self._undo.pop_all())

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
            plan = self._confinement.plan
            status, status_of_child = StatusSocket.pair()
            self._undo.callback(status.close)
            passed_on.callback(status_of_child.close)
            theirs.append(status_of_child.fileno())
            launched = await self._link.launch(plan["flags"], plan["map"], theirs + joins)
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

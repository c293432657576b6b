"""One launch, as a conversation: a cell waits; it is given its plan, confines itself, waits; RUN.

Whatever goes wrong in between, the child is killed and nothing of it is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from host.clock import Clock
from host.process.cell import Cell, make_cell
from host.process.child import Child, LaunchError, Pipes
from host.process.confined import ConfinedChild, Holds, is_readable
from host.process.group import Groups
from host.process.spawner.link import SpawnerError, SpawnerLink
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
    cells: int = 2  # kept ready of each kind


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
    """One launch, from a cell to a child that waits for its word, or back to nothing."""

    def __init__(self, spec: LaunchSpec, confinement: Confinement, tools: Tools) -> None:
        self._spec = spec
        self._confinement = confinement
        self._tools = tools

    async def park(self, link: SpawnerLink, cell: Cell | None = None) -> Parked:
        """A child of the spec, confined.

        Args:
            cell: One of its kind that is ready; it is used up. Without it, *link* makes one.
        """
        plan, witness = self._confinement.plan, self._tools.witness
        limits = self._confinement.group
        if limits is not None and self._tools.groups is None:
            raise NotHeldError("its plan has a group, but no groups can be made here")
        with contextlib.ExitStack() as undo:
            if cell is not None:
                undo.enter_context(cell.undo)
            orders = json.dumps(plan, separators=(",", ":")).encode()
            if len(orders) > ORDERS_BYTES:
                raise SpawnerError("plan", f"it has {len(orders)} bytes, at most {ORDERS_BYTES} can be sent")
            async with asyncio.timeout(CONFINE_S):
                if cell is None:
                    groups = self._tools.groups if limits is not None else None
                    cell = await make_cell(link, plan, groups, witness)
                    undo.enter_context(cell.undo)
                if cell.group is not None and limits is not None:
                    cell.group.limit(limits)
                cell.status.say(orders)
                pid, uid, listener = await _confined(cell.status, undo)
            program_pidfd = os.pidfd_open(pid)
            undo.callback(os.close, program_pidfd)
            witness.before_run(pid, uid, plan)
            if cell.group is not None and not cell.group.holds(pid):
                raise NotHeldError("it is not in its group")
            alarm = self._tools.alarm(self._confinement.let_exec)
            holds = Holds(cell.status, cell.launched, program_pidfd, cell.group, None, listener, alarm)
            return Parked(self._spec, pid, cell.pipes, holds, cell.link, undo.pop_all())
        raise AssertionError("an exit stack lets no exception pass")  # for mypy, which believes that it may


async def _confined(status: StatusSocket, undo: contextlib.ExitStack) -> tuple[int, int, int | None]:
    """Hears the child out; returns the program's pid, its uid, and its alarm's listener."""
    listener: int | None = None
    while True:
        report = await status.next()
        if report is None:
            raise SpawnerError("confinement", "it ended without a word")
        if report.descriptors:
            listener = report.descriptors[0]
            undo.callback(os.close, listener)
        elif "step" in report.message:
            raise SpawnerError(str(report.message["step"]), str(report.message.get("error")))
        elif "exit" in report.message:
            code = os.waitstatus_to_exitcode(report.message["exit"])
            raise SpawnerError("confinement", f"it ended with {code} and without a word")
        elif "ok" in report.message:
            return report.pid, report.uid, listener

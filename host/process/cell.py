"""A child that has been made and waits for its orders: in its namespaces and its group, and nobody's yet.

What does not depend on the plugin is done before one is needed: the fork of a large zygote, the namespaces, the pipes,
the group. So a launcher keeps a few cells ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from host.process.child import Pipes
from host.process.confined import is_readable
from host.process.group import Group, GroupLimits, Groups
from host.process.spawner.link import Launched, SpawnerLink
from host.process.status import BORN, StatusSocket

# Of a cell that is nobody's; it is given its plugin's before it is given its orders. Version 1 of the groups lets
# limits be lowered one after the other, and not raised.
_WAITING = GroupLimits(memory_bytes=2**50, tasks=64)
_OF_A_CELL = ("flags", "map", "ids", "bounding", "own_pids")  # what of a plan is known to a cell beforehand


class AtClone(Protocol):
    """Looks at what was just made; see `Witness` in attempt.py."""

    def at_clone(self, pid: int, plan: Mapping[str, Any]) -> None: ...


@dataclass
class Cell:
    """The host's hold on it. `undo` ends it and gives everything back."""

    pipes: Pipes
    status: StatusSocket
    launched: Launched
    link: SpawnerLink
    group: Group | None
    undo: contextlib.ExitStack

    @property
    def is_fit(self) -> bool:
        """Whether it lives, and its spawner, which tells of its end."""
        return self.link.alive and not is_readable(self.launched.pidfd)

    def discard(self) -> None:
        """Ends it; nothing of it is left."""
        self.undo.close()
        self.link.on_end(self.launched.launch, lambda _: None)


def kind_of(plan: Mapping[str, Any], grouped: bool) -> str:
    """Plans of one kind can be given to the same cells."""
    return json.dumps([grouped, *(plan[name] for name in _OF_A_CELL)])


async def make_cell(
    link: SpawnerLink, plan: Mapping[str, Any], groups: Groups | None, witness: AtClone
) -> Cell:
    """A cell for plans of this one's kind.

    Args:
        groups: `None`: it is in no group.

    Raises:
        OSError, SpawnerError: There is none, and nothing of it is left; so with what *witness* raises.
    """
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as passed_on:
        group = groups.prepare(_WAITING) if groups is not None else None
        if group is not None:
            undo.callback(group.remove)
        joins = group.join_fds() if group is not None else []
        for descriptor in joins:
            passed_on.callback(os.close, descriptor)
        theirs: list[int] = []
        ours: list[int] = []
        for host_reads in (False, True, True):
            reading, writing = os.pipe()
            ours.append(reading if host_reads else writing)
            theirs.append(writing if host_reads else reading)
            undo.callback(os.close, ours[-1])
            passed_on.callback(os.close, theirs[-1])
        status, status_of_child = StatusSocket.pair()
        undo.callback(status.close)
        passed_on.callback(status_of_child.close)
        descriptors = [*theirs, status_of_child.fileno(), *joins]
        launched = await link.launch({name: plan[name] for name in _OF_A_CELL}, descriptors)
        undo.callback(_end, launched)
        if group is not None and not joins:
            # The kernel waits until no process is in the middle of a fork: 10 to 25 ms.
            await asyncio.to_thread(group.add, launched.pid)
        witness.at_clone(launched.pid, plan)
        status.say(BORN)  # its ids are mapped, it is in its group: what it forks will be, too
        return Cell(Pipes(*ours), status, launched, link, group, undo.pop_all())


def _end(launched: Launched) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(launched.pidfd, signal.SIGKILL)
    os.close(launched.pidfd)

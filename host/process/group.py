"""A kernel-kept group of processes: what its limits and its account look like to whoever starts programs.

The groups themselves are made one floor up (`host.sandbox.cgroup`); a launcher only joins processes to them,
asks them what was used, and ends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec


@dataclass(frozen=True)
class GroupLimits:
    """Ceilings over a process and everything it starts.

    Attributes:
        memory_bytes: Everything the kernel charges: heap, shared and file memory it touched first, tmpfs, sockets.
        tasks: Processes and threads together.
        cpu_cores: Share of the machine's time, 1.0 is one core; `None` leaves it open.
    """

    memory_bytes: int
    tasks: int = 64
    cpu_cores: float | None = None


class GroupUsage(msgspec.Struct, frozen=True):
    """What a group has used. `None`: the kernel does not keep that account here.

    Fields:
        memory_bytes, peak_bytes: Now, and the most at any time.
        cpu_s: Seconds of processor time, of all its processes, the ended ones included.
        tasks: Processes and threads alive.
        oom_kills: How many of its processes the kernel has ended because the group was at its memory limit.
    """

    memory_bytes: int
    peak_bytes: int | None
    cpu_s: float | None
    tasks: int | None
    oom_kills: int


class Group(Protocol):
    """One group, used for one process and its children, then removed."""

    @property
    def bell_fd(self) -> int | None:
        """Readable when the group has met its memory limit; `None` where the kernel has no such bell.

        For `loop.add_reader`. After `hush()` it is silent until the next time.
        """

    def hush(self) -> None: ...

    def limit(self, limits: GroupLimits) -> None:
        """Puts *limits* in force.

        Raises:
            OSError: The kernel refused one of them.
        """

    def add(self, pid: int) -> None:
        """Joins a process; what it starts later is in the group from its first instant.

        Raises:
            OSError: It is gone, or the kernel refused. It must not be let go on then.
        """

    def join_fds(self) -> list[int]:
        """Descriptors for the child: it joins by writing b"0" to each, while it has one thread, and closes them.

        That takes 0.1 ms, where `add` from outside takes 10-25: the kernel then waits until no process is in the
        middle of a fork. The child does so before any foreign code runs, and `holds` tells whether it has. Empty
        where the kernel has no such way (version 2): then `add` it. The caller closes them after passing them on.

        Raises:
            OSError: No descriptor is left.
        """

    def holds(self, pid: int) -> bool:
        """Whether the kernel's own account of *pid* says that it is in this group, in every hierarchy."""

    def usage(self) -> GroupUsage: ...

    def kill(self) -> None:
        """Sends SIGKILL to every process in it, however fast they fork."""

    def remove(self) -> None:
        """Kills what is left and gives the group up, now or as soon as its last process is gone. Never fails."""


class Groups(Protocol):
    """Whoever makes groups."""

    def prepare(self, limits: GroupLimits) -> Group:
        """An empty group with *limits* in force.

        Raises:
            OSError: The kernel refused one of them.
        """

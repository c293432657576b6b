"""A program in its sandbox: process 1 of its pid namespace above it, its group around it, the alarm beside it."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host.clock import Clock
from host.process.child import Child, Pipes
from host.process.exits import Evidence
from host.process.group import Group, GroupUsage
from host.process.spawner.link import Ended, Launched
from host.process.spec import LaunchSpec
from host.process.status import StatusSocket
from host.process.watchdog import Watch, private_bytes

log = logging.getLogger(__name__)

_KILLED = signal.SIGKILL  # the wait status of a process that a SIGKILL ended is its number


@dataclass
class Holds:
    """What the host holds of one child, and gives back when it has ended.

    Attributes:
        alarm: Takes one alarm and answers it, given the listener's descriptor; says the call's name when it was
            a forbidden one.
    """

    status: StatusSocket
    launched: Launched
    program_pidfd: int
    group: Group | None = None
    watch: Watch | None = None
    listener: int | None = None
    alarm: Callable[[int], str | None] | None = None


class ConfinedChild(Child):
    """A child of a spawner. `pid` is the program's own, as this process counts."""

    def __init__(self, spec: LaunchSpec, pid: int, pipes: Pipes, holds: Holds, clock: Clock) -> None:
        super().__init__(spec, pid, pipes, clock)
        self._holds = holds
        self._syscall: str | None = None
        self._ending: tuple[Ended, dict[str, float]] | None = None
        if holds.listener is not None:
            self._loop.add_reader(holds.listener, self._on_alarm)

    @property
    def usage(self) -> GroupUsage | None:
        """What it and all its children hold and have used; `None` without a group, or when it has ended."""
        if self._holds.group is None or not self.alive:
            return None
        try:
            return self._holds.group.usage()
        except OSError:
            return None

    def memory_bytes(self) -> int | None:
        if (usage := self.usage) is not None:
            return usage.memory_bytes
        # Not all that is resident: of a zygote's child most of that is the zygote's.
        with contextlib.suppress(OSError):
            return private_bytes(Path(f"/proc/{self.pid}/status").read_bytes())
        return None

    def on_end(self, ended: Ended) -> None:
        """The spawner's word that it has ended; without a status, that the spawner died, which it outlives."""
        if ended.status is None:
            self._loop.add_reader(self._holds.launched.pidfd, self._over, ended)
        else:
            self._over(ended)

    def _over(self, ended: Ended) -> None:
        holds = self._holds
        if ended.status is None:
            self._loop.remove_reader(holds.launched.pidfd)
            with contextlib.suppress(ChildProcessError):  # whose child it is now depends on the machine
                os.waitpid(holds.launched.pid, os.WNOHANG)
        told = {}
        for report in holds.status.drain():
            # Process 1 of the namespace alone is believed; its number cannot be forged.
            if "exit" in report.message and report.pid == holds.launched.pid:
                told = report.message
            for descriptor in report.descriptors:
                os.close(descriptor)
        status = int(told.get("exit", _KILLED if ended.status is None else ended.status))
        evidence = self._evidence()
        self._give_back()
        rss_bytes = told.get("rss_bytes", ended.rss_bytes)
        self._finish(status, rss_bytes or None, ended.cpu_s or told.get("cpu_s"), evidence)

    def _evidence(self) -> Evidence:
        usage = None
        if self._holds.group is not None:
            with contextlib.suppress(OSError):
                usage = self._holds.group.usage()
        watch = self._holds.watch
        peak = usage.peak_bytes if usage is not None else watch.peak_bytes if watch is not None else None
        return Evidence(
            memory_cap_bytes=self.spec.memory_cap_bytes,
            memory_peak_bytes=peak,
            oom_kills=usage.oom_kills if usage is not None else 0,
            killed_at_bytes=watch.killed_at_bytes if watch is not None else None,
            killed_at_tasks=watch.killed_at_tasks if watch is not None else None,
            tasks_cap=watch.cap_tasks if watch is not None else None,
            syscall=self._syscall,
        )

    def _give_back(self) -> None:
        holds = self._holds
        self._drop_listener()
        if holds.watch is not None:
            holds.watch.close()
        if holds.group is not None:
            holds.group.remove()
        holds.status.close()
        os.close(holds.launched.pidfd)
        os.close(holds.program_pidfd)

    def _signal(self, number: int) -> None:
        if not self.alive:
            return
        holds = self._holds
        if number != signal.SIGKILL:
            _send(holds.program_pidfd, number)
            return
        # Process 1 takes its whole namespace with it. Without a namespace, the group and the session are what
        # holds the program's children together; process 1 then ends the rest.
        if holds.group is not None:
            with contextlib.suppress(OSError):
                holds.group.kill()
        if self.spec.confinement is not None and not self.spec.confinement.plan["own_pids"]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
            _send(holds.program_pidfd, number)
        if self.spec.confinement is None or self.spec.confinement.plan["own_pids"]:
            _send(holds.launched.pidfd, number)

    def _on_alarm(self) -> None:
        listener = self._holds.listener
        assert listener is not None
        if not is_readable(listener):  # it hung up: asking it would wait for ever on kernels before 6.11
            self._drop_listener()
            return
        try:
            name = self._holds.alarm(listener) if self._holds.alarm is not None else None
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINTR):
                log.warning("alarm.lost", extra={"plugin": self.spec.name, "why": str(error)})
            self._drop_listener()
            return
        if name is not None:
            self._syscall = name
            self._drop_listener()  # from here on the kernel refuses such calls by itself
            self.kill("seccomp", f"it made a forbidden system call: {name}")

    def _drop_listener(self) -> None:
        if self._holds.listener is not None:
            self._loop.remove_reader(self._holds.listener)
            os.close(self._holds.listener)
            self._holds.listener = None


def _send(pidfd: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(pidfd, number)


def is_readable(descriptor: int) -> bool:
    """Whether there is something to be read now; of a pidfd, whether its process has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(events & select.POLLIN for _, events in poll.poll(0))

"""Holds a program to its caps where no group of the kernel's does: memory, tasks, a share of the processors.

For memory RLIMIT_DATA is the first line there; this is the second, for what that limit does not see: memory made
read-only again after it was filled, maps that grow downwards, shared pages. It is blind to files in a tmpfs, memfds and
sockets, which are bounded by other means (see host/sandbox/cgroup/budget.py). It looks at one process: others it cannot
have, since they are held by a group alone.

Theory of operation: one thread for all watched processes, so that a busy event loop does not blind it. It reads
/proc/PID/statm through a descriptor kept open, which costs 2-5 us, every `interval_s`; more often when a process is
so near a cap that at `GROWTH_BYTES_S`, or with all processors, it could pass before the next look. Over its memory or its
tasks it is killed, by pidfd, in the thread; the event loop learns of the end as of any other, and asks the `Watch`
whether it was the cause. Over its share of the processors it is stopped (SIGSTOP) until that is paid back.
"""

from __future__ import annotations

import os
import signal
import threading
import time

from host.process.share import CpuShare

INTERVAL_S = 0.020
LEAST_INTERVAL_S = 0.001
# What all processors together can fill, at the most: with huge pages one was measured at 6.3 GiB/s, two at 10.5, and
# the memory of a large machine takes no more than the second figure. Ordinary pages go at 1.7.
GROWTH_BYTES_S = min(64, 8 * (os.cpu_count() or 1)) * 2**30
_PAGE = os.sysconf("SC_PAGESIZE")
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: time on the processor, of a whole process
_AFTER_NAME_TASKS = 17  # field 20 of /proc/PID/stat, counted from behind the name; see proc_pid_stat(5)


class Watch:
    """One watched process.

    Attributes:
        peak_bytes: The most it was seen to hold.
        killed_at_bytes, killed_at_tasks: What it held when the watchdog killed it for that; `None` when it did not.
    """

    def __init__(
        self, owner: Watchdog, pid: int, cap_bytes: int, cpu_cores: float | None, tasks: int | None
    ) -> None:
        self.pid = pid
        self.cap_bytes = cap_bytes
        self.cap_tasks = tasks
        self.peak_bytes = 0
        self.killed_at_bytes: int | None = None
        self.killed_at_tasks: int | None = None
        processors = os.cpu_count() or 1
        self._share = CpuShare(cpu_cores, processors) if cpu_cores and cpu_cores < processors else None
        self._owner = owner
        self._pidfd = os.pidfd_open(pid)
        self._files: list[int] = []
        try:
            for name in ("statm", "status", "stat"):
                self._files.append(os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.let_go()
            raise

    def close(self) -> None:
        """Stops watching; to be called when the process is reaped, at the latest."""
        self._owner.forget(self)

    # For the watchdog alone, under its lock.

    def look(self, now: float) -> float:
        """Reads, kills or stops what is over its cap, and says in how many seconds to look again."""
        if self.killed_at_bytes is not None or self.killed_at_tasks is not None:
            return INTERVAL_S
        held = self._held()
        if held is None:
            return INTERVAL_S
        self.peak_bytes = max(self.peak_bytes, held)
        if held > self.cap_bytes:
            self.killed_at_bytes = held if self._send(signal.SIGKILL) else None
            return INTERVAL_S
        if self.cap_tasks is not None and (tasks := self._tasks()) > self.cap_tasks:
            self.killed_at_tasks = tasks if self._send(signal.SIGKILL) else None
            return INTERVAL_S
        soon = (self.cap_bytes - held) / GROWTH_BYTES_S
        if self._share is not None:
            soon = min(soon, self._pace(self._share, now))
        return max(LEAST_INTERVAL_S, soon)

    def let_go(self) -> None:
        if self._share is not None and self._share.stands:
            self._send(signal.SIGCONT)
        for descriptor in (self._pidfd, *self._files):
            os.close(descriptor)

    def _pace(self, share: CpuShare, now: float) -> float:
        try:
            used_s = time.clock_gettime(~self.pid << 3 | _CPUCLOCK_SCHED)
        except OSError:
            return INTERVAL_S  # it has ended
        stood = share.stands
        soon = share.look(now, used_s)
        if share.stands != stood:
            self._send(signal.SIGSTOP if share.stands else signal.SIGCONT)
        return soon

    def _send(self, number: signal.Signals) -> bool:
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except OSError:
            return False  # it ended before the signal came
        return True

    def _held(self) -> int | None:
        try:
            fields = os.pread(self._files[0], 256, 0).split()
            if len(fields) < 3:
                return None
            resident, shared = int(fields[1]) * _PAGE, int(fields[2]) * _PAGE
            if resident <= self.cap_bytes:
                return resident - shared
            return private_bytes(os.pread(self._files[1], 8192, 0)) or resident - shared
        except OSError:  # ESRCH: it is gone; whatever else, this thread must live on for the others
            return None

    def _tasks(self) -> int:
        try:
            fields = os.pread(self._files[2], 1024, 0).rpartition(b")")[2].split()
        except OSError:
            return 0
        return int(fields[_AFTER_NAME_TASKS]) if len(fields) > _AFTER_NAME_TASKS else 0


def private_bytes(status: bytes) -> int:
    """What a process holds of its own, from the text of /proc/PID/status: anonymous and shared memory, in RAM or
    swapped out, and page tables; not the pages of files, which the kernel can drop at any time.
    """
    total = 0
    for line in status.splitlines():
        name, _, value = line.partition(b":")
        if name in (b"RssAnon", b"RssShmem", b"VmSwap", b"VmPTE"):
            total += int(value.split()[0]) * 1024
    return total


class Watchdog:
    """Watches any number of processes. Its thread runs only while there are some."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._changed = threading.Condition()
        self._watches: dict[Watch, float] = {}  # when each is due
        self._thread: threading.Thread | None = None

    def watch(
        self, pid: int, cap_bytes: int, *, cpu_cores: float | None = None, tasks: int | None = None
    ) -> Watch:
        """Watches *pid*, which must be an unreaped child, until `Watch.close()`.

        Raises:
            OSError: It is gone, or no descriptor is left.
        """
        watch = Watch(self, pid, cap_bytes, cpu_cores, tasks)
        with self._changed:
            self._watches[watch] = 0.0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        return watch

    def forget(self, watch: Watch) -> None:
        """The other side of `Watch.close()`; a second time does nothing."""
        with self._changed:
            if self._watches.pop(watch, None) is not None:
                watch.let_go()
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while self._watches:
                now = time.monotonic()
                for watch, due in self._watches.items():
                    if due <= now + LEAST_INTERVAL_S:  # together, so that many cost few wake-ups
                        self._watches[watch] = now + min(self._interval_s, watch.look(now))
                self._changed.wait(max(0.0, min(self._watches.values()) - time.monotonic()))
            self._thread = None

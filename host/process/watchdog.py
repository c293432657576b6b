"""Ends a process that holds more memory than its cap, where no group of the kernel's does.

RLIMIT_DATA is the first line there; this is the second, for what that limit does not see: memory made read-only
again after it was filled, maps that grow downwards, shared pages. It is blind to files in a tmpfs, memfds and
sockets, which are bounded by other means (see host/sandbox/cgroup/budget.py).

Theory of operation: one thread for all watched processes, so that a busy event loop does not blind it. It reads
/proc/PID/statm through a descriptor kept open, which costs 2-5 us, every `interval_s`; more often when a process is
so near its cap that at `GROWTH_BYTES_S` it could pass before the next look. It kills by pidfd, in the thread. The
event loop learns of the end as of any other, and asks the `Watch` whether it was the cause.
"""

from __future__ import annotations

import os
import signal
import threading
import time

INTERVAL_S = 0.020
LEAST_INTERVAL_S = 0.001
GROWTH_BYTES_S = (
    4 * 2**30
)  # what one core can fill with huge pages; ordinary ones go at a half of it and less
_PAGE = os.sysconf("SC_PAGESIZE")


class Watch:
    """One watched process.

    Attributes:
        peak_bytes: The most it was seen to hold.
        killed_at_bytes: What it held when the watchdog killed it; `None` when it did not.
    """

    def __init__(self, owner: MemoryWatchdog, pid: int, cap_bytes: int) -> None:
        self.pid = pid
        self.cap_bytes = cap_bytes
        self.peak_bytes = 0
        self.killed_at_bytes: int | None = None
        self._owner = owner
        self._pidfd = os.pidfd_open(pid)
        self._files: list[int] = []
        try:
            for name in ("statm", "status"):
                self._files.append(os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.let_go()
            raise

    def close(self) -> None:
        """Stops watching; to be called when the process is reaped, at the latest."""
        self._owner.forget(self)

    # For the watchdog alone, under its lock.

    def look(self) -> float:
        """Reads, kills when over the cap, and says in how many seconds to look again."""
        held = self._held()
        if held is None or self.killed_at_bytes is not None:
            return INTERVAL_S
        self.peak_bytes = max(self.peak_bytes, held)
        if held > self.cap_bytes:
            self.killed_at_bytes = held
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            except OSError:
                self.killed_at_bytes = None  # it ended before the signal came
        return max(LEAST_INTERVAL_S, (self.cap_bytes - held) / GROWTH_BYTES_S)

    def let_go(self) -> None:
        for descriptor in (self._pidfd, *self._files):
            os.close(descriptor)

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


class MemoryWatchdog:
    """Watches any number of processes. Its thread runs only while there are some."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._changed = threading.Condition()
        self._watches: dict[Watch, float] = {}  # when each is due
        self._thread: threading.Thread | None = None

    def watch(self, pid: int, cap_bytes: int) -> Watch:
        """Watches *pid*, which must be an unreaped child, until `Watch.close()`.

        Raises:
            OSError: It is gone, or no descriptor is left.
        """
        watch = Watch(self, pid, cap_bytes)
        with self._changed:
            self._watches[watch] = 0.0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="memory-watchdog", daemon=True)
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
                        self._watches[watch] = now + min(self._interval_s, watch.look())
                self._changed.wait(max(0.0, min(self._watches.values()) - time.monotonic()))
            self._thread = None

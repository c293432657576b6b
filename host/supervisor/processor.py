"""How much processor time a plugin has taken: its process and the children it has now."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MOST = 256  # processes; a plugin has fewer than its limit of tasks


def cpu_seconds(pid: int) -> float | None:
    """User and system time of *pid* and its descendants, those that have ended and were waited for included.

    `None` when it is gone. Reads the kernel's own list of children, which costs microseconds; a search through all
    processes would cost milliseconds a plugin.
    """
    waiting, total, seen = [pid], 0.0, 0
    while waiting and seen < _MOST:
        each = waiting.pop()
        seen += 1
        try:
            # After the name, which may hold anything: utime, stime, cutime and cstime are fields 14 to 17.
            fields = Path(f"/proc/{each}/stat").read_bytes().rpartition(b")")[2].split()
            total += sum(int(field) for field in fields[11:15]) / _TICKS
            waiting += [
                int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_bytes().split()
            ]
        except (OSError, ValueError, IndexError):
            if each == pid:
                return None
    return total

"""How much memory the plugins hold, and the end of one that holds more than its cap.

The kernel's limit on private memory is the first line (`ResourceLimits.data_bytes`); this is the second, for
what that limit does not count, such as shared maps.
"""

from __future__ import annotations

import psutil

from host.process.child import Child


def resident_bytes(pid: int) -> int | None:
    """What a process holds in memory now; `None` when it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def held_bytes(child: Child) -> int | None:
    """What *child* holds in memory now: by its own account where it has one, with its children."""
    return child.memory_bytes() or resident_bytes(child.pid)

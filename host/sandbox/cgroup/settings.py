"""From limits to what is written into which file, for both versions of the interface.

Source: Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids}.rst, scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from host.process.group import GroupLimits

PERIOD_US = 100_000  # the kernel's default: shorter ones cost switches, longer ones stall a caller longer
LEAST_QUOTA_US = 1_000  # the kernel takes nothing smaller
# Of the default weight, a tenth: about what nice 10 is. Between groups nice counts for nothing, and without this each
# plugin would get as much of a busy processor as the host's loop, which serves them all.
WEIGHT, SHARES = "10", "102"

MEMORY = "memory"
PIDS = "pids"
CPU = "cpu"
CPUACCT = "cpuacct"  # version 1 only: the account of processor time; version 2 keeps it in every group
WANTED: dict[int, tuple[str, ...]] = {1: (MEMORY, PIDS, CPU, CPUACCT), 2: (MEMORY, PIDS, CPU)}


@dataclass(frozen=True)
class Setting:
    """One write.

    Attributes:
        absent_is_fine: The file exists only on some kernels (swap accounting, `memory.oom.group`).
        tolerated: Errors that mean that the limit is held by an outer group already.
    """

    controller: str
    file: str
    value: str
    absent_is_fine: bool = False
    tolerated: frozenset[int] = frozenset()


def settings(version: Literal[1, 2], limits: GroupLimits, controllers: frozenset[str]) -> list[Setting]:
    """What to write to put *limits* in force, in an order that the kernel accepts.

    Args:
        controllers: Those at hand; limits of others are left out, and the caller says so openly.
    """
    memory, tasks = str(limits.memory_bytes), str(limits.tasks)
    quota = None if limits.cpu_cores is None else max(LEAST_QUOTA_US, round(limits.cpu_cores * PERIOD_US))
    if version == 2:
        wanted = [
            Setting(MEMORY, "memory.max", memory),
            Setting(MEMORY, "memory.swap.max", "0", absent_is_fine=True),
            Setting(MEMORY, "memory.zswap.max", "0", absent_is_fine=True),
            Setting(MEMORY, "memory.oom.group", "1", absent_is_fine=True),
            Setting(PIDS, "pids.max", tasks),
        ]
        if quota is not None:
            wanted += [
                Setting(CPU, "cpu.max", f"{quota} {PERIOD_US}"),
                Setting(CPU, "cpu.weight", WEIGHT, absent_is_fine=True),
            ]
    else:
        wanted = [
            Setting(MEMORY, "memory.limit_in_bytes", memory),
            # After the limit without swap, which it may not be below. Equal: no swap on top of the cap.
            Setting(MEMORY, "memory.memsw.limit_in_bytes", memory, absent_is_fine=True),
            Setting(MEMORY, "memory.swappiness", "0", absent_is_fine=True),
            Setting(PIDS, "pids.max", tasks),
        ]
        if quota is not None:
            wanted += [
                Setting(CPU, "cpu.shares", SHARES, absent_is_fine=True),
                Setting(CPU, "cpu.cfs_period_us", str(PERIOD_US)),
                # Version 1 refuses a share larger than an outer group's: then that one holds already.
                Setting(CPU, "cpu.cfs_quota_us", str(quota), tolerated=frozenset({errno.EINVAL})),
            ]
    return [setting for setting in wanted if setting.controller in controllers]

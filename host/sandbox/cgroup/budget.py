"""How a plugin's memory cap is divided among the kernel's limits, with a group and without one.

With a group the kernel counts everything, and the other limits only make an allocation fail before the group is
full. Without one no single limit sees everything, so what each of them lets through is added up, and the sum stays
below `PASS` times the cap:

    RLIMIT_DATA     private writable memory: heap, maps, stacks of threads
    watchdog        what was private and is no longer writable, the main stack (SLACK), and its own delay (DELAY)
    tmpfs sizes     scratch and /dev/shm
    RLIMIT_AS       page tables, 8 bytes for each 4 KiB that can be mapped
    RLIMIT_NOFILE   what a stream socket holds unread, one SOCKET_BYTES for each descriptor
    seccomp         no shared anonymous memory, memfd, fork, larger pipes, larger socket buffers: nothing to add
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20
PASS = 1.25  # of the cap: no bomb holds more than that at any time
SLACK_BYTES = (
    16 * MIB
)  # the main stack (8 MiB) and the relocated parts of libraries, read-only again after loading
DELAY_BYTES = (
    24 * MIB
)  # what a bomb fills between two looks of the watchdog near the cap; 17 was the most seen
SOCKET_BYTES = 212_992  # net.core.wmem_default
PAGE_TABLE_SHARE = 512  # one 8-byte entry for each page of 4096 bytes
LEAST_FILES = 64
LEAST_CAP_BYTES = 96 * MIB  # below it nothing useful fits beside the reserves


@dataclass(frozen=True)
class MemoryBudget:
    """What each limit is set to.

    Attributes:
        data_bytes: RLIMIT_DATA.
        address_space_bytes: RLIMIT_AS.
        scratch_bytes, shm_bytes: Sizes of the two tmpfs.
        open_files: RLIMIT_NOFILE.
        watch_bytes: The watchdog's cap; `None`: no watchdog is needed.
        bound_bytes: What all of it can come to, at the worst.
    """

    data_bytes: int
    address_space_bytes: int
    scratch_bytes: int
    shm_bytes: int
    open_files: int
    watch_bytes: int | None
    bound_bytes: int


def with_group(
    cap_bytes: int, *, scratch_bytes: int, shm_bytes: int, open_files: int, backstop_bytes: int
) -> MemoryBudget:
    """The budget where a group of the kernel's holds the cap."""
    return MemoryBudget(
        data_bytes=cap_bytes,
        address_space_bytes=cap_bytes + backstop_bytes,
        scratch_bytes=scratch_bytes,
        shm_bytes=shm_bytes,
        open_files=open_files,
        watch_bytes=None,
        bound_bytes=cap_bytes,
    )


def without_group(
    cap_bytes: int, *, scratch_bytes: int, shm_bytes: int, open_files: int, backstop_bytes: int
) -> MemoryBudget:
    """The budget where nothing counts the whole. Small caps get smaller reserves; what is asked is a ceiling.

    Raises:
        ValueError: The cap is below `LEAST_CAP_BYTES`: the bound could not be held.
    """
    if cap_bytes < LEAST_CAP_BYTES:
        raise ValueError(
            f"the memory cap is {cap_bytes} bytes; without a cgroup it can be held from {LEAST_CAP_BYTES} on; "
            "raise limits.memory, or run the host where it can make cgroups"
        )
    scratch = min(scratch_bytes, cap_bytes // 8)
    shm = min(shm_bytes, cap_bytes // 32)
    files = min(open_files, max(LEAST_FILES, cap_bytes // (2 * MIB)))
    mapped = cap_bytes + min(backstop_bytes, 32 * cap_bytes)
    reserves = scratch + shm + SLACK_BYTES + DELAY_BYTES + mapped // PAGE_TABLE_SHARE + files * SOCKET_BYTES
    data = min(cap_bytes, int(PASS * cap_bytes) - reserves)
    return MemoryBudget(
        data_bytes=data,
        address_space_bytes=mapped,
        scratch_bytes=scratch,
        shm_bytes=shm,
        open_files=files,
        watch_bytes=data + SLACK_BYTES,
        bound_bytes=data + reserves,
    )

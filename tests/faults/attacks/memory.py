"""Attacks on the memory cap: each tries to hold `scene["memory_bytes"]`, well over it, in its own way."""

import ctypes
import mmap
import os
import select
import socket
from pathlib import Path

from .calls import (
    FAILED,
    MAP_ANONYMOUS,
    MAP_GROWSDOWN,
    MAP_NORESERVE,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    call,
    failure,
    libc,
    mapped,
)
from .registry import Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

MIB = 2**20
_STEP = 4 * MIB
_SHM_HUGE = 64 * MIB
_LOCK = "=hhxxxxqqixxxx"  # struct flock
_F_OFD_GETLK = 36
_kept: "list[object]" = []


def _fill(length: int, flags: int) -> int:
    for _ in range(0, length, _STEP):
        libc.memset(mapped(_STEP, flags), 1, _STEP)
    return length


@attack("memory.heap", stopped_by="rlimits", stopped_if_root="cgroup", stopped_if_not="watchdog")
def heap(scene: "Scene") -> str:
    """fills the heap"""
    for _ in range(0, scene["memory_bytes"], _STEP):
        _kept.append(bytearray(b"\1") * _STEP)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.private-map", stopped_by="rlimits", stopped_if_root="cgroup", stopped_if_not="watchdog")
def private_map(scene: "Scene") -> str:
    """maps private memory"""
    return f"{_fill(scene['memory_bytes'], MAP_PRIVATE | MAP_ANONYMOUS) // MIB} MiB"


@attack("memory.shared-map", stopped_if_root="cgroup", stopped_if_not="seccomp watchdog")
def shared_map(scene: "Scene") -> str:
    """maps shared memory, which no limit on a process counts"""
    return f"{_fill(scene['memory_bytes'], MAP_SHARED | MAP_ANONYMOUS) // MIB} MiB"


@attack("memory.memfd", stopped_if_root="cgroup", stopped_if_not="seccomp")
def memfd(scene: "Scene") -> str:
    """fills files that are memory"""
    for _ in range(0, scene["memory_bytes"], 8 * MIB):  # each below the limit on a file
        descriptor = os.memfd_create("attack")
        for _ in range(8):
            os.write(descriptor, b"\1" * MIB)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.made-read-only", stopped_if_root="cgroup", stopped_if_not="watchdog")
def made_read_only(scene: "Scene") -> str:
    """fills memory and makes it read-only, when RLIMIT_DATA counts it no longer"""
    for _ in range(0, scene["memory_bytes"], _STEP):
        at = mapped(_STEP, MAP_PRIVATE | MAP_ANONYMOUS)
        libc.memset(at, 1, _STEP)
        if libc.mprotect(at, _STEP, PROT_READ):
            raise failure()
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.stack-like", stopped_by="seccomp", stopped_if_root="cgroup", stopped_if_not="watchdog")
def stack_like(scene: "Scene") -> str:
    """maps memory that grows down, which RLIMIT_DATA takes for a stack"""
    return f"{_fill(scene['memory_bytes'], MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN) // MIB} MiB"


@attack(
    "memory.moved-stack", stopped_by="landlock mounts", stopped_if_root="cgroup", stopped_if_not="watchdog"
)
def moved_stack(scene: "Scene") -> str:
    """moves a page of its stack and lets it grow: still a stack to the kernel's count"""
    lines = Path("/proc/self/maps").read_text().splitlines()
    low = next(int(line.split("-")[0], 16) for line in lines if line.endswith("[stack]"))
    at = libc.mremap(ctypes.c_void_p(low), ctypes.c_size_t(4096), ctypes.c_size_t(scene["memory_bytes"]), 1)
    if at == FAILED:
        raise failure()
    for offset in range(0, scene["memory_bytes"], _STEP):
        libc.memset(at + offset, 1, _STEP)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.file-map", stopped_by="mounts")
def file_map(scene: "Scene") -> str:
    """maps files of its scratch folder, shared, and fills them"""
    for number in range(scene["memory_bytes"] // (8 * MIB)):
        with (Path(scene["scratch"]) / f"map{number}").open("w+b") as file:
            os.posix_fallocate(file.fileno(), 0, 8 * MIB)
            area = mmap.mmap(file.fileno(), 8 * MIB)
            for offset in range(0, 8 * MIB, 4096):
                area[offset] = 1
            _kept.append(area)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.children", stopped_by="seccomp", stopped_if_root="cgroup")
def children(scene: "Scene") -> str:
    """has children hold it, each of them below every limit on one process"""
    share = 32 * MIB
    gate, hold = os.pipe()
    alive, told = os.pipe()
    for _ in range(scene["memory_bytes"] // share):
        if os.fork() == 0:
            os.close(hold)
            _kept.append(bytearray(b"\1") * share)
            os.write(told, b".")
            os.read(gate, 1)
            os._exit(0)
    count = 0
    while count < scene["memory_bytes"] // share:
        if select.select([alive], [], [], 0.02)[0]:
            os.read(alive, 1)
            count += 1
        elif os.waitpid(-1, os.WNOHANG)[0]:
            raise Held(f"{count} children of {share // MIB} MiB, then one died")
    return f"{count} children of {share // MIB} MiB"


@attack("memory.system-v", stopped_by="seccomp", stopped_if_root="cgroup", stopped_if_not="watchdog")
def system_v(scene: "Scene") -> str:
    """fills System V shared memory"""
    for _ in range(0, scene["memory_bytes"], _SHM_HUGE):
        segment = call("shmget", 0, _SHM_HUGE, 0o1600)
        at = libc.shmat(segment, None, 0)
        call("shmctl", segment, 0, None)  # IPC_RMID: gone with the last process that has it
        if at == FAILED:
            raise failure()
        libc.memset(at, 1, _SHM_HUGE)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.page-tables", stopped_by="rlimits")
def page_tables(scene: "Scene") -> str:
    """has the kernel fill page tables: a page read in every 2 MiB of an endless map"""
    # A table of 4 KiB for every 2 MiB of addresses.
    tables = 96 * MIB // 4096
    at = mapped(tables * 2 * MIB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, PROT_READ)
    for table in range(tables):
        ctypes.string_at(at + table * 2 * MIB, 1)
    return f"{tables} tables"


@attack("memory.sockets", stopped_by="rlimits")
def sockets(scene: "Scene") -> str:
    """leaves data unread in socket pairs"""
    held, block = 0, b"\1" * 65536
    while held < scene["memory_bytes"] // 2:
        pair = socket.socketpair()
        _kept.append(pair)
        for end in pair:
            end.setblocking(False)
            try:
                while True:
                    held += end.send(block)
            except BlockingIOError:
                continue
    return f"{held // MIB} MiB in {len(_kept)} pairs"


@attack("memory.lock", stopped_by="rlimits seccomp")
def lock(scene: "Scene") -> str:
    """locks memory, so that it cannot be paged out"""
    call("mlock", mapped(_STEP, MAP_PRIVATE | MAP_ANONYMOUS), MIB)
    return "1 MiB locked"


@attack("memory.huge-pages", machine="huge pages")
def huge_pages(scene: "Scene") -> str:
    """takes pages from the machine's reserve of huge ones"""
    mapped(2 * MIB, MAP_PRIVATE | MAP_ANONYMOUS | 0x40000)
    return "2 MiB"


@attack("memory.large-pipes", stopped_by="seccomp")
def large_pipes(scene: "Scene") -> str:
    """makes its pipes hold 1 MiB of kernel memory each"""
    import fcntl

    _, writing = os.pipe()
    return f"{fcntl.fcntl(writing, 1031, MIB)} bytes"


@attack("memory.zero-device", stopped_if_root="cgroup", stopped_if_not="landlock mounts")
def zero_device(scene: "Scene") -> str:
    """maps /dev/zero, shared, and forgets the pages again: the memory stays, and is no longer its own"""
    with Path("/dev/zero").open("r+b") as device:
        for _ in range(0, scene["memory_bytes"], _STEP):
            area = mmap.mmap(device.fileno(), _STEP)
            start = ctypes.addressof(ctypes.c_char.from_buffer(area))
            libc.memset(ctypes.c_void_p(start), 1, _STEP)
            call("madvise", start, _STEP, mmap.MADV_DONTNEED)
            _kept.append(area)
    return f"{scene['memory_bytes'] // MIB} MiB"


@attack("memory.record-locks", stopped_by="seccomp", command_may=True)
def record_locks(scene: "Scene") -> str:
    """locks every other byte of a file: each lock is some 200 bytes of the kernel's memory"""
    import fcntl
    import struct

    files, each = 96, 24 * MIB // 216 // 96  # the kernel looks through all locks of a file to make another
    for number in range(files):
        file = (Path(scene["scratch"]) / f"locked{number}").open("w+b")
        _kept.append(file)
        for at in range(0, 2 * each, 2):
            fcntl.fcntl(file, fcntl.F_SETLK, struct.pack(_LOCK, fcntl.F_WRLCK, 0, at, 1, 0))
    # Only by asking for another opening (OFD) is it seen whether they are there.
    asked = struct.pack(_LOCK, fcntl.F_WRLCK, 0, 0, 1, 0)
    kind = struct.unpack_from("=h", fcntl.fcntl(file, _F_OFD_GETLK, asked))[0]
    unless(kind != fcntl.F_UNLCK, "it was told so, but there are none")
    return f"{files * each} locks"


@attack("memory.huge-memfd", stopped_by="seccomp", machine="huge pages")
def huge_memfd(scene: "Scene") -> str:
    """makes a file of the machine's huge pages, which no cap counts"""
    os.close(call("memfd_create", b"attack", 4))
    return "made"

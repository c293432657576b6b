"""Programs that take memory until somebody stops them. Run as `python -I -S bombs.py ORDERS`, never imported.

ORDERS is JSON: {"root": the repository, "kind": below, "mib": how much to take, "limits": by name in `resource`,
"seccomp": base64 or "", "scratch_mib": size of the tmpfs or 0}. It confines itself, says "ready", waits for a byte
on stdin, takes memory, and says how much it has and when ("MIB SECONDS" a line, by CLOCK_MONOTONIC). Having it all it
says "done" and waits for the end of stdin. Exit code 3: it was refused, and stdout says with what error.
"""

import base64
import ctypes
import json
import mmap
import os
import socket
import sys
import threading
import time
from pathlib import Path

MIB = 2**20
STEP = 4
PROT_READ, PROT_WRITE = 1, 2
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_NORESERVE = 0x1, 0x2, 0x20, 0x100, 0x4000
CLONE_NEWNS, CLONE_NEWUSER, MS_REC_PRIVATE = 0x20000, 0x10000000, 0x44000
MREMAP_MAYMOVE = 1

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
FAILED = ctypes.c_void_p(-1).value
kept = []


def checked(answer):
    if answer in (FAILED, -1):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def mapped(length, protection=PROT_READ | PROT_WRITE, flags=MAP_PRIVATE | MAP_ANONYMOUS):
    return checked(libc.mmap(None, length, protection, flags, -1, 0))


def say(mib):
    os.write(1, f"{mib} {time.monotonic():.6f}\n".encode())


def heap(mib):
    for held in range(0, mib, STEP):
        kept.append(bytearray(b"\1") * (STEP * MIB))
        say(held + STEP)


def private_map(mib):
    for held in range(0, mib, STEP):
        libc.memset(mapped(STEP * MIB), 1, STEP * MIB)
        say(held + STEP)


def huge_pages(mib):
    """The fastest way for one thread to fill memory."""
    area = mmap.mmap(-1, mib * MIB, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    area.madvise(mmap.MADV_HUGEPAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for held in range(0, mib, STEP):
        libc.memset(start + held * MIB, 1, STEP * MIB)
        say(held + STEP)
    kept.append(area)


def made_read_only(mib):
    """RLIMIT_DATA counts what is writable: filled and made read-only, it is free to be filled again."""
    for held in range(0, mib, STEP):
        at = mapped(STEP * MIB)
        libc.memset(at, 1, STEP * MIB)
        checked(libc.mprotect(at, STEP * MIB, PROT_READ))
        say(held + STEP)


def fast_read_only(mib):
    """The same in huge pages from two threads: the fastest way around RLIMIT_DATA."""
    blocks = iter(range(0, mib, 2 * STEP))

    def fill():
        for held in blocks:
            area = mmap.mmap(-1, 2 * STEP * MIB, flags=MAP_PRIVATE | MAP_ANONYMOUS)
            area.madvise(mmap.MADV_HUGEPAGE)
            at = ctypes.addressof(ctypes.c_char.from_buffer(area))
            libc.memset(at, 1, 2 * STEP * MIB)
            checked(libc.mprotect(at, 2 * STEP * MIB, PROT_READ))
            kept.append(area)
            say(held + 2 * STEP)

    other = threading.Thread(target=fill)
    other.start()
    fill()
    other.join()


def grows_down(mib):
    for held in range(0, mib, STEP):
        libc.memset(mapped(STEP * MIB, flags=MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN), 1, STEP * MIB)
        say(held + STEP)


def moved_stack(mib):
    """A page of the main stack, moved and made larger, is a stack still, which RLIMIT_DATA does not count."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    low = next(int(line.split("-")[0], 16) for line in maps if line.endswith("[stack]"))
    at = checked(libc.mremap(low, 4096, mib * MIB, MREMAP_MAYMOVE))
    for held in range(0, mib, STEP):
        libc.memset(at + held * MIB, 1, STEP * MIB)
        say(held + STEP)


def shared_map(mib):
    for held in range(0, mib, STEP):
        libc.memset(mapped(STEP * MIB, flags=MAP_SHARED | MAP_ANONYMOUS), 1, STEP * MIB)
        say(held + STEP)


def memfd(mib):
    descriptor = os.memfd_create("bomb")
    for held in range(0, mib, STEP):
        os.write(descriptor, b"\1" * (STEP * MIB))
        say(held + STEP)


def scratch(mib):
    with Path("/tmp/bomb").open("wb", buffering=0) as file:
        for held in range(0, mib, STEP):
            if file.write(b"\1" * (STEP * MIB)) < STEP * MIB:
                raise OSError(28, "No space left on device")
            say(held + STEP)


def children(mib):
    """Each child holds a sixteenth; every one is within any limit on a single process."""
    share = mib // 16
    for held in range(0, mib, share):
        ready, told = os.pipe()
        if os.fork() == 0:
            kept.append(bytearray(b"\1") * (share * MIB))
            os.write(told, b".")
            sys.stdin.buffer.read()
            os._exit(0)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
        say(held + share)


def sockets(mib):
    held, block = 0, b"\1" * 65536
    while held < mib * MIB:
        pair = socket.socketpair()
        kept.append(pair)
        for end in pair:
            end.setblocking(False)
            while True:
                try:
                    held += end.send(block)
                except BlockingIOError:
                    break
        say(held // MIB)


def page_tables(mib):
    """One page read in every 2 MiB: the page is the kernel's zero page, the table with its entry is ours."""
    length = mib * MIB * 512
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    at = mapped(length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
    for held in range(0, mib, STEP):
        for table in range(STEP * 256):
            ctypes.string_at(at + held * MIB * 512 + table * 2 * MIB, 1)
        say(held + STEP)


def forks(mib):
    """A fork bomb: every process makes others until it is refused, and stays."""
    made = 0
    while made < mib:
        try:
            if os.fork() == 0:
                made = 0
        except BlockingIOError:
            break
        made += 1
    say(made)


def spins(mib):
    while True:
        pass


def private_scratch(mib):
    uid, gid = os.geteuid(), os.getegid()
    libc.unshare(CLONE_NEWNS if uid == 0 else CLONE_NEWNS | CLONE_NEWUSER)
    if uid:  # who has no number here may not make files in a tmpfs of this namespace
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    checked(libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None))
    checked(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 6, f"size={mib}m,nr_inodes=64".encode()))


def main():
    orders = json.loads(sys.argv[1])
    sys.path.insert(0, orders["root"])
    from host.sandbox.confine.limits import set_limits
    from host.sandbox.seccomp.install import FILTER_FLAG_TSYNC, install

    for descriptor in orders["join"]:
        os.write(descriptor, b"0")
        os.close(descriptor)
    if orders["scratch_mib"]:
        private_scratch(orders["scratch_mib"])
    set_limits(orders["limits"])
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
    if orders["seccomp"]:
        install(base64.b64decode(orders["seccomp"]), FILTER_FLAG_TSYNC)
    os.write(1, b"ready\n")
    os.read(0, 1)
    try:
        globals()[orders["kind"]](orders["mib"])
    except (MemoryError, OSError) as error:
        kept.clear()
        os.write(1, f"refused {type(error).__name__} {error}\n".encode())
        os._exit(3)
    os.write(1, b"done\n")
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()

"""Attacks on the host's patience and the machine's stock: descriptors, processor time, limits, dumps, timers, the disk."""

# The system call is the subject: plain calls.
# ruff: noqa: PTH102, PTH106

import ctypes
import os
import resource
import signal
import threading
import time
from pathlib import Path

from .calls import call
from .registry import ROOT, Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

MIB = 2**20


@attack("resources.descriptors", stopped_by="rlimits")
def descriptors(scene: "Scene") -> str:
    """opens more files than it may"""
    opened = [os.dup(2) for _ in range(scene["open_files"] + 64)]
    return f"{len(opened)} descriptors"


@attack("resources.raise-descriptors", stopped_by="rlimits seccomp")
def raise_descriptors(scene: "Scene") -> str:
    """raises the limit on its open files"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    _limit(resource.RLIMIT_NOFILE, hard, hard)
    unless(hard > scene["open_files"], f"from {soft} to {hard}")
    return f"from {soft} to {hard}"


@attack("resources.raise-data", control=ROOT, machine="CAP_SYS_RESOURCE")
def raise_data(scene: "Scene") -> str:
    """raises the limit on its memory above the highest it may have"""
    _limit(resource.RLIMIT_DATA, 2**30, 2**30)
    _limit(resource.RLIMIT_DATA, 2**31, 2**31)
    return "raised"


@attack("resources.core-dump", stopped_by="rlimits seccomp")
def core_dump(scene: "Scene") -> str:
    """asks for dumps of its memory, written by the kernel where the kernel likes"""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    _limit(resource.RLIMIT_CORE, hard, hard)
    unless(hard not in (0, 1), f"of {hard} bytes")
    return f"of up to {hard} bytes"


@attack("resources.lower-limits", stopped_by="seccomp")
def lower_limits(scene: "Scene") -> str:
    """changes a limit at all"""
    _limit(resource.RLIMIT_STACK, 1 << 20, 1 << 20)
    return "set"


@attack(
    "resources.processors",
    machine="two idle processors",
    stopped_if_root="cgroup",
    stopped_if_not="watchdog",
)
def processors(scene: "Scene") -> str:
    """uses more of the processors than it was given"""
    # hashlib lets the interpreter's lock go, so threads run side by side.
    import hashlib

    until = time.monotonic() + 2.0
    block = bytes(1 << 20)

    def burn() -> None:
        while time.monotonic() < until:
            hashlib.sha256(block).digest()

    for _ in range(4):
        threading.Thread(target=burn, daemon=True).start()
    best = 0.0
    # A busy machine may have little to give at one time, and more at another.
    while time.monotonic() < until and best <= 1.5 * scene["cpu_cores"]:
        before, began = time.process_time(), time.monotonic()
        time.sleep(0.5)
        best = max(best, (time.process_time() - before) / (time.monotonic() - began))
    until = 0.0
    unless(best > 1.5 * scene["cpu_cores"], f"{best:.2f} cores of {scene['cpu_cores']}")
    return f"{best:.2f} cores"


@attack("resources.timers", stopped_by="rlimits")
def timers(scene: "Scene") -> str:
    """makes timers without end, which are the kernel's memory"""
    event = (ctypes.c_int * 16)()
    event[2], event[3] = 0, 1  # sigev_signo 0, SIGEV_NONE
    made = ctypes.c_int()
    for count in range(20_000):
        try:
            call("timer_create", 1, event, ctypes.byref(made))
        except OSError as error:
            raise Held(f"{count} timers, then {error.strerror}") from error
    return "20000 timers"


@attack("resources.queued-signals", stopped_by="rlimits seccomp")
def queued_signals(scene: "Scene") -> str:
    """queues signals to itself without taking them"""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
    info = (ctypes.c_int * 32)(int(signal.SIGRTMIN), 0, -1)
    count = 0
    while count < 4000:
        # To this thread: another of its process may take them.
        call("rt_tgsigqueueinfo", os.getpid(), threading.get_native_id(), int(signal.SIGRTMIN), info)
        count += 1
    return f"{count} signals"


@attack("resources.deep-folders", stopped_by="mounts")
def deep_folders(scene: "Scene") -> str:
    """makes a folder in a folder in a folder, which nobody can delete by its path"""
    os.chdir(scene["scratch"])
    count = 0
    try:
        while count < scene["scratch_inodes"] + 100:
            os.mkdir("d")
            os.chdir("d")
            count += 1
    finally:
        for _ in range(count):  # or the world could not be tidied up
            os.chdir("..")
            os.rmdir("d")
    return f"{count} levels"


@attack("resources.large-writes", stopped_by="mounts")
def reserve(scene: "Scene") -> str:
    """reserves more of the disk than it may have, without writing it"""
    for number in range(8):
        with (Path(scene["scratch"]) / f"reserved{number}").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, scene["scratch_bytes"] // 2)
    return f"{4 * scene['scratch_bytes']} bytes"


def _limit(kind: int, soft: int, hard: int) -> None:
    # Straight to the kernel: the library turns its refusal into another kind of error.
    values = (ctypes.c_ulong * 2)(soft % 2**64, hard % 2**64)
    call("prlimit64", 0, kind, values, None)


# --- filling the disk


@attack("resources.fill-bytes", stopped_by="mounts")
def fill_bytes(scene: "Scene") -> str:
    """writes three times its scratch limit, in small files"""
    wanted, held = 3 * scene["scratch_bytes"], 0
    block = bytes(MIB)
    for number in range(wanted // (4 * MIB)):
        with (Path(scene["scratch"]) / f"fill{number}").open("wb", buffering=0) as file:
            for _ in range(4):
                written = file.write(block)
                held += written
                unless(written == MIB, f"{held} bytes, then no space")
    return f"{held} bytes"


@attack("resources.fill-inodes", stopped_by="mounts")
def fill_inodes(scene: "Scene") -> str:
    """makes more empty files than it may"""
    for number in range(scene["scratch_inodes"] + 1000):
        (Path(scene["scratch"]) / f"i{number}").touch()
    return f"{scene['scratch_inodes'] + 1000} files"


@attack("resources.fill-shm", stopped_by="landlock mounts rlimits")
def fill_shm(scene: "Scene") -> str:
    """fills /dev/shm, which is memory"""
    path = Path("/dev/shm") / f"engine-ops-attack-{os.getpid()}"
    with path.open("wb", buffering=0) as file:
        path_left = [path]
        try:
            for held in range(48):
                if file.write(bytes(MIB)) < MIB:
                    raise Held(f"{held} MiB, then no space")
        finally:
            path_left.pop().unlink()
    return "48 MiB"


@attack("resources.huge-file", stopped_by="rlimits")
def huge_file(scene: "Scene") -> str:
    """makes one file larger than it may, of holes"""
    with (Path(scene["scratch"]) / "huge").open("wb") as file:
        file.truncate(16 * 2**30)
    return "16 GiB"

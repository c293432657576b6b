"""System calls by name, with errors as `OSError`s that name the call.

Numbers: Linux arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import os
import platform

TYPE_CHECKING = False  # importing typing costs a child 2 ms
if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = {
    "x86_64": {
        "madvise": 28,
        "clone": 56,
        "capget": 125,
        "capset": 126,
        "pivot_root": 155,
        "mount": 165,
        "umount2": 166,
        "seccomp": 317,
    },
    "aarch64": {
        "madvise": 233,
        "clone": 220,
        "capget": 90,
        "capset": 91,
        "pivot_root": 41,
        "mount": 40,
        "umount2": 39,
        "seccomp": 277,
    },
}
_SAME_EVERYWHERE = {  # calls since Linux 5.2 have one number on all architectures
    "open_tree": 428,
    "move_mount": 429,
    "close_range": 436,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}

ARCH = platform.machine()
AT_FDCWD = -100

_ARGUMENTS = 6
_libc = ctypes.CDLL(None, use_errno=True)
# Without giving the interpreter lock away: between PyOS_BeforeFork and PyOS_AfterFork_* nobody else may take it.
_libc_locked = ctypes.PyDLL(None, use_errno=True)
for _each in (_libc, _libc_locked):
    _each.syscall.argtypes = [ctypes.c_long] * (_ARGUMENTS + 1)
    _each.syscall.restype = ctypes.c_long


def number(name: str) -> int:
    """The number of a system call on this machine.

    Raises:
        OSError: ENOSYS; the architecture is not one that this project knows.
    """
    found = _SAME_EVERYWHERE.get(name) or _NUMBERS.get(ARCH, {}).get(name)
    if found is None:
        raise OSError(38, f"no number for {name} on {ARCH}", name)
    return found


def syscall(name: str, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Makes a call; bytes are passed as pointers to them, `None` as the null pointer.

    Raises:
        OSError: With the call's name as its file name.
    """
    return _make(_libc, name, *arguments)


def prctl(option: int, argument: int = 0) -> int:
    """prctl(2) with one argument, the rest 0.

    Raises:
        OSError: As `syscall`.
    """
    result: int = _libc.prctl(
        ctypes.c_int(option),
        ctypes.c_ulong(argument),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
    if result < 0:
        raise _error(f"prctl {option}")
    return result


def fork_with(flags: int) -> int:
    """A fork whose child is in new namespaces; `flags` are CLONE_NEW* or 0.

    To be called by a process with one thread only: others would not exist in the child, their locks would.

    Returns:
        0 in the child, its number in the parent.

    Raises:
        OSError: The kernel made no child.
    """
    if not flags:
        return os.fork()
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = -1
    error: OSError | None = None
    try:
        pid = _make(_libc_locked, "clone", flags | SIGCHLD)
    except OSError as failure:
        error = failure
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if error is not None:
        raise error
    return pid


SIGCHLD = 17
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000


def _make(
    library: ctypes.CDLL, name: str, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None"
) -> int:
    kept = [ctypes.create_string_buffer(each) if isinstance(each, bytes) else each for each in arguments]
    values = [
        ctypes.addressof(each) if isinstance(each, ctypes.Array) else 0 if each is None else each
        for each in kept
    ]
    call: Callable[..., int] = library.syscall
    result = call(number(name), *values, *(0,) * (_ARGUMENTS - len(values)))
    if result < 0:
        raise _error(name)
    return result


def _error(name: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code), name)

"""Puts compiled programs on this process, for good.

Runs in the child before any of the author's code, under `python -I -S`: the standard library alone.

Source: seccomp(2), seccomp_unotify(2).
"""

import ctypes
import errno
import struct

from host.sandbox.kernel.libc import syscall

SET_MODE_FILTER = 1
FILTER_FLAG_TSYNC = 1  # all threads of the process get the program, or none
FILTER_FLAG_NEW_LISTENER = 8  # Linux 5.0; the answer is the listener's descriptor, closed on exec

PID_MARK = 0x7FFFFFFE  # stands for the plugin's own pid in a program; above the highest there is (2**22)

_INSTRUCTION = struct.Struct("=HBBI")
_JUMP_EQUAL = 0x15
_PROGRAM = struct.Struct("@HP")  # struct sock_fprog


def install(program: bytes, flags: int) -> "int | None":
    """Adds *program* to this process' filters; it stays, for its children and over exec, until they end.

    no_new_privs is to be set before: without it, and without CAP_SYS_ADMIN, the kernel refuses.

    Args:
        program: As `programs.build` makes it, for this machine's architecture; where the profile has no
            `own_pids`, as `bind_pid` returns it.
        flags: `FILTER_FLAG_NEW_LISTENER` for the alarm program, `FILTER_FLAG_TSYNC` for the main one.

    Returns:
        With `FILTER_FLAG_NEW_LISTENER` the listener. Whoever holds it decides what happens on an alarm: it is to
        be given away, and closed here, before the author's code runs. When nobody holds it any more, what would
        raise the alarm fails with ENOSYS.

    Raises:
        OSError: EINVAL for a program or flags the kernel does not take; EACCES without no_new_privs; EBUSY when
            there is a listener already, as in some containers; ESRCH when a thread has a filter of its own and
            cannot be brought along.
    """
    kept = ctypes.create_string_buffer(program, len(program))
    order = _PROGRAM.pack(len(program) // _INSTRUCTION.size, ctypes.addressof(kept))
    answer = syscall("seccomp", SET_MODE_FILTER, flags, order)
    if flags & FILTER_FLAG_NEW_LISTENER:
        return answer
    if answer:  # with TSYNC: the thread that could not follow
        raise OSError(errno.ESRCH, f"thread {answer} cannot be brought under the filter", "seccomp")
    return None


def bind_pid(program: bytes, pid: int) -> bytes:
    """The program with *pid* wherever a rule speaks of the plugin's own, see `SeccompProfile.own_pids`."""
    if PID_MARK.to_bytes(4, "little") not in program:
        return program
    bound = bytearray(program)
    for at, (code, _, _, k) in enumerate(_INSTRUCTION.iter_unpack(program)):
        if code == _JUMP_EQUAL and k == PID_MARK:
            struct.pack_into("=I", bound, at * _INSTRUCTION.size + 4, pid)
    return bytes(bound)

"""Puts compiled programs on this process, for good.

Runs in the child before any of the author's code, under `python -I -S`: the standard library alone.

Source: seccomp(2), seccomp_unotify(2).
"""

import ctypes
import os
import struct

from host.sandbox.kernel.libc import syscall

SET_MODE_FILTER = 1
FLAG_TSYNC = 1  # all threads of the process get the program, or none
FLAG_NEW_LISTENER = 8  # Linux 5.0

PID_MARK = 0x7FFFFFFE  # stands for the plugin's own pid in a program; above the highest there is (2**22)

_INSTRUCTION = struct.Struct("=HBBI")
_JUMP_EQUAL = 0x15
_PROGRAM = struct.Struct("@HP")  # struct sock_fprog


def install(program: bytes) -> None:
    """Adds the main program to every thread of this process, its children and what it execs, until they end.

    no_new_privs is to be set before: without it, and without CAP_SYS_ADMIN, the kernel refuses.

    Args:
        program: As `programs.build` makes it, for this machine's architecture.

    Raises:
        OSError: EINVAL for a program the kernel does not take; EACCES without no_new_privs; ESRCH when a thread
            has a filter of its own and cannot be brought along.
    """
    thread = _seccomp(FLAG_TSYNC, bind_pid(program, os.getpid()))
    if thread:
        raise OSError(3, f"thread {thread} cannot be brought under the filter", "seccomp")


def install_with_listener(program: bytes) -> int:
    """Adds the alarm program to this process, which has one thread, and returns its listener (closed on exec).

    Whoever holds the listener decides what happens on an alarm: it is to be given away, and closed here, before
    the author's code runs. When nobody holds it, what would raise the alarm fails with ENOSYS.

    Raises:
        OSError: As `install`, and EBUSY when there is a listener already, as in some containers.
    """
    return _seccomp(FLAG_NEW_LISTENER, program)


def bind_pid(program: bytes, pid: int) -> bytes:
    """The program with *pid* wherever a rule speaks of the plugin's own, see `SeccompProfile.own_pids`."""
    if PID_MARK.to_bytes(4, "little") not in program:
        return program
    bound = bytearray(program)
    for at, (code, _, _, k) in enumerate(_INSTRUCTION.iter_unpack(program)):
        if code == _JUMP_EQUAL and k == PID_MARK:
            struct.pack_into("=I", bound, at * _INSTRUCTION.size + 4, pid)
    return bytes(bound)


def _seccomp(flags: int, program: bytes) -> int:
    kept = ctypes.create_string_buffer(program, len(program))
    order = _PROGRAM.pack(len(program) // _INSTRUCTION.size, ctypes.addressof(kept))
    return syscall("seccomp", SET_MODE_FILTER, flags, order)

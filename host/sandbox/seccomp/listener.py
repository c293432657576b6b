"""The other end of the alarm program: hears which call was tried, by whom, and answers it.

Whoever holds the descriptor waits until it is readable, then does `receive` and `refuse`. The plugin's thread
stands still until it is answered. One alarm is enough to end a plugin; a holder that closes the descriptor after it
need not fear a flood: from then on the kernel itself answers ENOSYS. When the descriptor hangs up (POLLHUP), the
plugin is gone. Standard library alone: it may run anywhere.

Source: seccomp_unotify(2).
"""

from __future__ import annotations

import errno
import fcntl
import struct

from host.sandbox.seccomp.syscalls import name_of

TYPE_CHECKING = False  # typing itself would cost 2 ms at the start
if TYPE_CHECKING:
    from typing import Final

# linux/seccomp.h, the same numbers on x86_64 and aarch64.
_RECEIVE: Final = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND: Final = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_NOTICE: Final = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif with its seccomp_data
_ANSWER: Final = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_CONTINUE: Final = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE, Linux 5.5


class Attempt:
    """One call that waits for its answer.

    Attributes:
        cookie: The kernel's number for this waiting call.
        pid: The thread that made it, as the listener's pid namespace counts; 0 if it cannot be seen from there.
        syscall: Its name.
        arguments: Six, as the registers hold them.
    """

    __slots__ = ("arguments", "cookie", "pid", "syscall")

    def __init__(self, cookie: int, pid: int, syscall: str, arguments: tuple[int, ...]) -> None:
        self.cookie = cookie
        self.pid = pid
        self.syscall = syscall
        self.arguments = arguments


def receive(listener: int) -> Attempt | None:
    """Takes one attempt; to be called when *listener* is readable, since it waits otherwise.

    Returns:
        None when whoever made it has died or gone on since (a signal came).
    """
    buffer = bytearray(_NOTICE.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return None
        raise
    cookie, pid, _, number, arch, _, *arguments = _NOTICE.unpack(buffer)
    return Attempt(cookie, pid, name_of(arch, number), tuple(arguments))


def refuse(listener: int, attempt: Attempt, number: int = errno.EPERM) -> None:
    """Lets the call fail with errno *number*."""
    _answer(listener, _ANSWER.pack(attempt.cookie, 0, -number, 0))


def let_pass(listener: int, attempt: Attempt) -> None:
    """Lets the call happen. What its pointers lead to may change until the kernel reads it.

    So it is right only where the arguments do not matter: for the first execve, which is the sandbox's own.
    """
    _answer(listener, _ANSWER.pack(attempt.cookie, 0, 0, _CONTINUE))


def _answer(listener: int, answer: bytes) -> None:
    try:
        fcntl.ioctl(listener, _SEND, bytearray(answer))
    except OSError as error:
        if error.errno != errno.ENOENT:  # ENOENT: it has died meanwhile and needs no answer
            raise

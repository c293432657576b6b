"""Process 1 of a plugin's pid namespace: reaps, says how the program ended, and takes the rest down with it.

Without it the program itself would be process 1, for which the kernel drops every signal it has no handler for:
its own `abort()` and `kill(getpid(), ...)` would do nothing, and its orphans would stay zombies. It is also what ties
the program's life to the host's: the host holds the other end of the status socket, and this process ends when that
is closed. So a program lives on when the spawner that made it dies, and does not when the host does.
"""

import json
import os
import select
import signal

from host.sandbox.confine.session import FIRST_FREE_FD, STATUS_FD, close_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def watch_over(program: int, has_namespace: bool) -> None:
    """Waits for *program* or the host's end, reports the program's over the status socket, and exits.

    Args:
        has_namespace: With one, the kernel ends all others when this process exits.
    """
    # What the pipes' other ends wait for is the program's end, not this process's.
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    close_from(FIRST_FREE_FD)
    bell, ringer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(bell, select.POLLIN)
    poll.register(STATUS_FD, 0)  # only that it hangs up: what the host says is the program's to read
    told = None
    while told is None:
        told = _reap(program)  # first: the program may have ended before the bell was hung
        if told is None and any(descriptor == STATUS_FD for descriptor, _ in poll.poll()):
            break
        _drain(bell)
    if not has_namespace:
        _end_descendants()
    try:
        if told is not None:
            os.write(STATUS_FD, json.dumps(told).encode())
    finally:
        os._exit(0)


def _reap(program: int) -> "dict[str, Any] | None":
    """Reaps whoever has ended; what there is to say when the program is among them."""
    told = None
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return told
        if pid == 0:
            return told
        if pid == program:
            told = {
                "exit": status,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "rss_bytes": usage.ru_maxrss * 1024,
            }


def _drain(bell: int) -> None:
    try:
        os.read(bell, 512)
    except BlockingIOError:
        return


def _end_descendants() -> None:
    """Kills what the program left behind; as its subreaper this process is their parent by now, or will be."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123
                children = [int(each) for each in file.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
        os.wait4(-1, 0)

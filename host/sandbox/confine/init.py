"""Process 1 of a plugin's pid namespace: reaps, says how the program ended, and takes the rest down with it.

Without it the program itself would be process 1, for which the kernel drops every signal it has no handler for:
its own `abort()` and `kill(getpid(), ...)` would do nothing, and its orphans would stay zombies.
"""

import json
import os
import signal

from host.sandbox.confine.session import PARENT_FD, STATUS_FD, close_from


def watch_over(program: int, has_namespace: bool) -> None:
    """Waits for *program*, reports its end over the status socket, and exits; never returns.

    Args:
        has_namespace: With one, the kernel ends all others when this process exits.
    """
    # What the pipes' other ends wait for is the program's end, not this process's.
    for descriptor in (0, 1, 2, PARENT_FD):
        os.close(descriptor)
    close_from(PARENT_FD)
    while True:
        pid, status, usage = os.wait4(-1, 0)
        if pid == program:
            break
    if not has_namespace:
        _end_descendants()
    told = {
        "exit": status,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_bytes": usage.ru_maxrss * 1024,
    }
    try:
        os.write(STATUS_FD, json.dumps(told).encode())
    finally:
        os._exit(0)


def _end_descendants() -> None:
    """Kills what the program left behind; as its subreaper this process is their parent now."""
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

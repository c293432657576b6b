"""Runs inside the child, before the program: a session of its own, limits, then exec.

Started as `python -I -S confine.py`, so it may import the standard library alone; its orders come as one JSON
argument. Whatever fails here ends the child with a sentence on stderr: nothing runs unconfined.
"""

import ctypes
import json
import os
import resource
import signal
import sys

TYPE_CHECKING = False  # typing itself would cost the child 2 ms
if TYPE_CHECKING:
    from typing import Any

EXIT_NOT_CONFINED = 126  # as a shell says of a program it could not run
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def confine(orders: "dict[str, Any]") -> None:
    """Does what the orders say, in an order that works.

    Raises:
        OSError: A step failed.
        ValueError: A limit is above what the host's own hard limit allows.
    """
    os.setsid()
    os.umask(orders["umask"])
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # The host may die while we get here; then nobody would send the signal.
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG failed")
        if os.getppid() != orders["parent"]:
            raise OSError(0, "the host is gone")
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS failed")
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # ignored signals would survive the exec
    if orders["nice"]:
        os.nice(orders["nice"])
    for name, value in orders["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))


def main() -> None:
    """Confines this process and becomes the program."""
    orders = json.loads(sys.argv[1])
    try:
        confine(orders)
    except (OSError, ValueError) as error:
        print(
            f"{orders['name']}: it was not started, since it could not be confined: {error}", file=sys.stderr
        )
        sys.exit(EXIT_NOT_CONFINED)
    try:
        os.execvpe(orders["argv"][0], orders["argv"], orders["env"])
    except OSError as error:
        print(f"{orders['name']}: cannot run {orders['argv'][0]!r}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()

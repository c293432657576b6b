"""A process of its own: session, descriptors, signals, and a life tied to its parent's."""

import os
import signal

from host.sandbox.kernel.libc import prctl, syscall

PR_SET_PDEATHSIG = 1
STATUS_FD = 3  # where steps are reported and the host's words come in
FIRST_FREE_FD = 4
_OOM_SCORE = b"500"  # of 1000: as if it held half of the machine's memory more than it does


def tie_to_parent(parent: int) -> None:
    """Dies when the parent does. To be called after ids and capabilities have changed: the kernel forgets it then.

    Args:
        parent: Its pid.

    Raises:
        OSError: The parent is dead already, or the kernel refused.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above, and sends no signal
        raise OSError(3, "the parent is dead", "pdeathsig")


def be_first_to_go() -> None:
    """When the machine runs out of memory, the kernel ends this process rather than the host."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return  # there is no /proc here; it is a favour to the machine, and holds nothing
    try:
        os.write(descriptor, _OOM_SCORE)
    except OSError:
        return  # the host's own score is higher already, and only root may lower it
    finally:
        os.close(descriptor)


def leave_parents_session() -> None:
    """A session and process group of its own, so that a signal to the group meets this program alone."""
    os.setsid()


def take_descriptors(descriptors: "list[int]") -> None:
    """Puts stdin, stdout, stderr and the status socket at 0 to 3, the last closed on exec, and closes all others."""
    # Away from the low numbers first: one of them may stand where another is to go.
    moved = [_duplicate_high(each) for each in descriptors]
    for target, source in enumerate(moved):
        os.dup2(source, target, inheritable=target <= 2)
    close_from(FIRST_FREE_FD)


def close_from(first: int) -> None:
    """Closes *first* and everything above it."""
    syscall("close_range", first, 0x7FFFFFFF, 0)


def reset_signals() -> None:
    """Default actions and an empty mask: ignored and blocked signals would survive an exec."""
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _duplicate_high(descriptor: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64)

"""What tests ask of a process of the machine that may end while it is asked."""

from __future__ import annotations

import psutil


def running(pid: int) -> bool:
    """Whether it is there; one that has ended and was not reaped yet is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""Takes the protocol's descriptors away from everything that prints."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple


class Wire(NamedTuple):
    """The private descriptors of the protocol; both close on exec."""

    reading: int
    writing: int


def claim_stdio() -> Wire:
    """Moves fd 0 and 1 to private descriptors, then points fd 1 at fd 2 and fd 0 at /dev/null.

    From here on a `print`, a C library and a child process write to the log, and nobody else can read what the
    host says. To be called before the author's module is imported: it may print while it is.
    """
    reading, writing = os.dup(0), os.dup(1)  # not inheritable (PEP 446)
    os.set_blocking(reading, True)
    os.set_blocking(writing, True)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started with its log closed: then what is printed goes nowhere
        os.dup2(null, 2)
        os.dup2(null, 1)
    os.close(null)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    wire = Wire(reading, writing)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _disown(wire))
    return wire


def _disown(wire: Wire) -> None:
    # A forked child shares the descriptors: it would read calls meant for its parent, answer them a second
    # time, and keep the pipes open after its parent died.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in wire:
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)

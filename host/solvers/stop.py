"""When a solver should give up refining: a question it asks now and then, so that it needs no clock."""

from __future__ import annotations

from collections.abc import Callable

Stop = Callable[[], bool]
"""Whether time is up. Cheap enough to ask every few hundred steps."""


class OutOfTimeError(Exception):
    """The caller's time ran out before the work was done; there is no partial result."""


def never() -> bool:
    """Time is never up."""
    return False

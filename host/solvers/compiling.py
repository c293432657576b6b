"""`compiled`: a function made fast by numba where it is installed, and left as it is where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba

    COMPILED = True
except ImportError:
    COMPILED = False


def compiled(function: F) -> F:
    """*function*, compiled on its first call and kept on disk for the next process; other threads go on while it runs."""
    if not COMPILED:
        return function
    return cast(F, numba.njit(cache=True, nogil=True)(function))

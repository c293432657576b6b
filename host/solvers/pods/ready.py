"""Loads the columns (numpy, and numba where it is installed) beside the work, since that takes up to seconds.

Only problems that are worth it ask for them; the first that does waits as long as it can, and does without if it
must. From then on they are there.
"""

from __future__ import annotations

import importlib
import threading
import time
from functools import cache

from host.solvers.stop import Stop

_LOOK_EVERY_S = 0.005
_ready = threading.Event()


@cache
def _loader() -> threading.Thread:
    """The thread that loads them; it is begun once, by whoever asks first."""
    thread = threading.Thread(target=_load, name="solvers.columns", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    importlib.import_module("host.solvers.pods.columns")
    _ready.set()


def columns_are_ready(hurry: Stop) -> bool:
    """Whether the columns are there by the time *hurry* says to stop waiting. Blocks until then."""
    if _ready.is_set():
        return True
    loader = _loader()
    while not _ready.is_set() and loader.is_alive() and not hurry():
        time.sleep(_LOOK_EVERY_S)
    return _ready.is_set()

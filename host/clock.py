"""Time, as everything here takes it: monotonic seconds for deadlines, wall-clock milliseconds for records.

Code that decides takes `now` as a value; only shells read a clock.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What a shell may ask of time."""

    def now(self) -> float:
        """Monotonic seconds; the clock of `asyncio`'s event loop, so deadlines can be compared with it."""
        ...

    def wall_ms(self) -> float:
        """Milliseconds since the epoch, for records and for people; may jump."""
        ...


class SystemClock:
    """The machine's clocks. `asyncio` and uvloop both count `time.monotonic()`."""

    def now(self) -> float:
        return time.monotonic()

    def wall_ms(self) -> float:
        return time.time() * 1000.0

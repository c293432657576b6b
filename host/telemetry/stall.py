"""How late the event loop is: what it was kept from, by whatever held it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TICK_S = 0.05


class StallWatch:
    """Wakes up every tick, and notes by how much each was late.

    Attributes:
        last_tick: On the monotonic clock; an old one says that the loop stands still.
        worst_s: The longest delay since it was last asked for.
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self.last_tick = time.monotonic()
        self.worst_s = 0.0

    async def run(self) -> None:
        """For ever."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self.last_tick = time.monotonic()
            late = max(0.0, self.last_tick - due)
            self.worst_s = max(self.worst_s, late)
            self._observe(late)

    def take_worst_s(self) -> float:
        """The longest delay since this was last called."""
        worst, self.worst_s = self.worst_s, 0.0
        return worst

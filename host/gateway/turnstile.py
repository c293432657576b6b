"""How many requests are begun in one turn of the event loop: so that those under way get on while many more come in.

An answer takes several turns of the loop: asked, heard, checked, sent. Where hundreds of requests are begun in each,
only to be refused, a turn takes a tenth of a second and an answer a second. The others wait here, in the order in which
they came, and cost nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

PER_TURN = 16  # some 3 ms of refusals
FEWEST = 2
LONG_S = 0.02  # a turn that takes longer has fewer after it, down to `FEWEST`; one half as long, one more


class Turnstile:
    """Used on the event loop's thread alone."""

    def __init__(self, per_turn: int = PER_TURN, now: Callable[[], float] = time.monotonic) -> None:
        self._most = self._per_turn = per_turn
        self._left = per_turn
        self._now = now
        self._began = 0.0
        self._is_turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Returns when it is this one's turn; at once unless many come together."""
        if not self._is_turning:
            self._is_turning = True
            self._began = self._now()
            asyncio.get_running_loop().call_soon(self._turn)
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        await mine

    def _turn(self) -> None:
        took_s, self._began = self._now() - self._began, self._now()
        if took_s > LONG_S:
            self._per_turn = max(min(FEWEST, self._most), self._per_turn // 2)
        elif took_s < LONG_S / 2:
            self._per_turn = min(self._most, self._per_turn + 1)
        self._left = self._per_turn
        while self._left and self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():  # who has gone away needs no turn
                waiting.set_result(None)
                self._left -= 1
        self._is_turning = self._left < self._per_turn
        if self._is_turning:
            asyncio.get_running_loop().call_soon(self._turn)

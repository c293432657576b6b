"""Whose turn it is to begin: so many requests in a turn of the event loop, as long as there is room for them; who is not
served in time is turned away before he costs anything.

Theory of operation. An answer takes several turns of the loop: asked, heard, checked, sent. Where hundreds of requests
are begun in each, only to be refused, a turn takes a tenth of a second and an answer a second. So the others wait here,
in lanes, and cost nothing meanwhile. What is no work for the engine goes first. Where only turns are short, and not too
many wait for one, the oldest of a lane goes first: all of them will be served. Where places are short, or more wait than
can be served in time, and the oldest has waited for a while, the newest does: it still has time, and somebody has to be
turned away in any order. Whoever has waited as long as he may is let through with the word that there is no place for
him; where all will be served, he may wait for longer.

Source: as `host.engine.admission`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Lane = Literal["first", "small", "large"]
LANES: tuple[Lane, ...] = ("first", "small", "large")

PER_TURN = 16  # some 3 ms of refusals
FEWEST = 2
AWAY_PER_TURN = 12  # turned away; a refusal costs little, but a stall lets hundreds become due together
LONG_S = 0.004  # of the loop's own work: a turn with more has fewer after it, down to `FEWEST`; one half as long, one more
TARGET_S = 0.02  # in a crowded lane whose oldest has waited longer the newest goes first
IN_ORDER = 128  # requests in a lane are done in the order in which they came, however long that takes
IN_ORDER_S = 0.04  # and as many as are so much work
STALL_S = 5 * LONG_S  # of a turn's work says how much its requests take; what is more is something else
FORGETS = 0.98  # a turn, of what requests took
LOOK_S = 0.002  # how often it is looked whether there is room again
LOOK_AWAY_S = 0.005  # and who has waited too long; all are looked through


@dataclass(frozen=True, slots=True)
class Wait:
    """How one may be kept waiting.

    Attributes:
        lane: `first` for what needs no place of the engine's.
        patience_s: For so long in a crowded lane; then it is turned away.
        longest_s: For so long in one that is not: a stall of the loop is no reason to turn anybody away.
    """

    lane: Lane
    patience_s: float
    longest_s: float


@dataclass(slots=True, eq=False)
class _Waiting:
    since: float
    how: Wait
    turn: asyncio.Future[bool]


class Turnstile:
    """Used on the event loop's thread alone.

    Args:
        has_room: Whether one more of a lane would be answered, if it began now.
        worked: Seconds that this thread has had of a processor: a turn that is long because others have the processors
            would not be shorter with fewer requests in it.
    """

    def __init__(
        self,
        per_turn: int = PER_TURN,
        now: Callable[[], float] = time.monotonic,
        has_room: Callable[[Lane], bool] = lambda lane: True,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._most = self._per_turn = per_turn
        self._left = per_turn
        self._now = now
        self._has_room = has_room
        self._worked = worked
        self._worked_before = 0.0
        self._lately_s = 0.0  # of work, in turns while somebody waited
        self._lately_begun = 0.0  # in them
        self._looks_at = 0.0
        self._is_turning = False
        # One began after a turn in which nobody did: looking at the clock would cost it 1 us.
        self._is_alone = False
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in LANES}
        # When there last was no room for one that had a turn.
        self._full_at = dict.fromkeys(LANES, float("-inf"))
        self._waiting = 0

    def passes(self) -> bool:
        """Whether one may begin at once, as unless many come together; then it has begun."""
        if not self._is_turning:
            self._is_turning = True
            self._is_alone = True
            asyncio.get_running_loop().call_soon(self._turn)
        elif self._is_alone:
            self._is_alone = False
            self._worked_before = self._worked()
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return True
        return False

    def waiting(self, lane: Lane) -> int:
        """How many of a lane wait now."""
        return len(self._lanes[lane])

    async def wait(self, how: Wait) -> bool:
        """Waits until one may begin; false when there was no place for it in time."""
        now = self._now()
        mine = _Waiting(now, how, asyncio.get_running_loop().create_future())
        self._lanes[how.lane].append(mine)
        self._waiting += 1
        return await mine.turn

    def _turn(self) -> None:
        is_alone, self._is_alone = self._is_alone, False
        if is_alone and not self._waiting:
            self._is_turning = False
            self._left = self._per_turn = min(self._most, self._per_turn + 1)
            return
        worked = self._worked()
        took_s, self._worked_before = worked - self._worked_before, worked
        begun = self._per_turn - self._left
        if took_s > LONG_S:
            self._per_turn = max(min(FEWEST, self._most), self._per_turn // 2)
        elif self._per_turn < self._most and took_s < LONG_S / 2:
            self._per_turn += 1
        self._left = self._per_turn
        if not self._waiting:
            self._is_turning = False
            return
        now = self._now()
        self._lately_s = FORGETS * self._lately_s + min(took_s, STALL_S)
        self._lately_begun = FORGETS * self._lately_begun + begun
        for lane in LANES:
            self._let_in(lane, now)
        if now >= self._looks_at:
            self._looks_at = now + LOOK_AWAY_S
            self._turn_away(now)
        loop = asyncio.get_running_loop()
        if self._left < self._per_turn or self._lanes["first"]:
            loop.call_soon(self._turn)
        elif self._waiting:
            loop.call_later(LOOK_S, self._turn)  # there is no room: nothing to do in the next turn
        else:
            self._is_turning = False

    def _let_in(self, lane: Lane, now: float) -> None:
        queue = self._lanes[lane]
        while queue and self._left:
            if lane != "first" and not self._has_room(lane):
                self._full_at[lane] = now
                return
            is_standing = now - queue[0].since > TARGET_S and self._is_crowded(lane, now)
            waiting = queue.pop() if is_standing else queue.popleft()
            self._waiting -= 1
            if not waiting.turn.done():  # who has gone away needs no turn
                waiting.turn.set_result(True)
                self._left -= 1

    def _is_crowded(self, lane: Lane, now: float) -> bool:
        """Whether places were short lately, not only turns, or more wait than can be served in time."""
        if now - self._full_at[lane] <= TARGET_S:
            return True
        waiting = len(self._lanes[lane])
        return waiting > IN_ORDER and waiting * self._lately_s > IN_ORDER_S * self._lately_begun

    def _turn_away(self, now: float) -> None:
        most = AWAY_PER_TURN
        for lane, queue in self._lanes.items():
            is_crowded = self._is_crowded(lane, now)
            for waiting in [each for each in queue if _is_due(each, now, is_crowded)][:most]:
                queue.remove(waiting)
                self._waiting -= 1
                if not waiting.turn.done():
                    waiting.turn.set_result(False)
                    most -= 1


def _is_due(waiting: _Waiting, now: float, is_crowded: bool) -> bool:
    """Whether one is to be turned away, or has gone away itself."""
    waits_s = waiting.how.patience_s if is_crowded else waiting.how.longest_s
    return now - waiting.since >= waits_s or waiting.turn.done()

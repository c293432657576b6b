"""How much is worked on at once, and what happens to the rest: it waits, is answered by the built-in alone, or is refused.

Theory of operation. There are places for a number of requests, and a queue of twice that. Waiting is worth while if
the request can still meet its deadline, by how long requests take lately; and never longer than a share of its time.
While the queue's least delay stays over a target for a while, the newest is served first: it still has time, and
the oldest has none left in any order. Nobody waits in such a queue for longer than it takes some places to become free:
who was not served by then is turned away while an answer is still of use to him. What finds no place is answered by the built-in alone if that is quick, so many
in a while; beyond that it is refused at once, with a hint when to come back. A refusal costs nothing but itself.

Source: Nichols and Jacobson (2012), Controlling queue delay (the least delay over an interval as the sign of a
standing queue); Maurer (2015), Fail at scale, ACM Queue 13 (adaptive LIFO, and a short patience in a standing queue).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import msgspec

from host.clock import Clock
from host.errors import BusyError

PLACES = 4  # that become free while one waits in a standing queue; the newest are served first
LONGEST_S = 0.2  # in a standing queue: a refusal is to come while the caller can still go elsewhere


@dataclass(frozen=True)
class AdmissionConfig:
    """The bounds.

    Fields:
        in_flight: Requests worked on at once.
        queued: Requests that wait for a place.
        target_s, interval_s: A queue whose least delay is over the target for this long is a standing one.
        wait_share: Of a request's time that it waits at most.
        alone: Requests that the built-in answers alone, in each interval.
    """

    in_flight: int = 32
    queued: int = 64
    target_s: float = 0.005
    interval_s: float = 0.1
    wait_share: float = 0.5
    alone: int = 64


class AdmissionStatistics(msgspec.Struct, rename="camel", frozen=True):
    """Requests since the start: admitted at once, after a wait, to the built-in alone, refused; and those there now."""

    admitted: int
    waited: int
    alone: int
    refused: int
    in_flight: int
    queued: int


@dataclass
class _Waiting:
    since: float
    until: float
    turn: asyncio.Future[bool]


class Admission:
    """Used on the event loop's thread alone."""

    def __init__(self, config: AdmissionConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._running = 0
        self._queue: deque[_Waiting] = deque()
        self._looks_again: asyncio.TimerHandle | None = None
        self._takes_s = 0.0  # lately, a request
        self._least_s = float("inf")  # the least delay of those that got a place in this interval
        self._interval_ends = clock.now() + config.interval_s
        self._alone_now = 0
        self._is_standing = False
        self._admitted = self._waited = self._alone = self._refused = 0

    async def enter(self, deadline: float, *, quick: bool) -> bool:
        """Takes a place for one request, which is given back with `leave`.

        Args:
            quick: Whether the built-in alone would have an answer at once.

        Returns:
            Whether it has one; if not the built-in is to answer alone.

        Raises:
            BusyError: There is no place, and will be none in time.
        """
        if self._running < self._config.in_flight and not self._queue:
            self._running += 1
            self._admitted += 1
            return True
        return await self._wait(self._clock.now(), deadline) or self._built_in_alone(quick)

    def leave(self, came: float) -> None:
        """Gives a place back; the request came at *came*."""
        self._takes_s += 0.1 * (self._clock.now() - came - self._takes_s)
        self._next()

    def is_full(self, deadline: float) -> bool:
        """Whether a request would find neither a place nor time to wait for one."""
        return self._running >= self._config.in_flight and not self._may_wait(self._clock.now(), deadline)

    def has_room(self, *, quick: bool) -> bool:
        """Whether one more would have a place at once, or an answer of the built-in alone; where the built-in takes long,
        also whether it would wait in a queue that is not a standing one.
        """
        self._turn_interval(self._clock.now())
        may_wait = 0 if quick or self._is_standing else self._config.queued
        return self._running + len(self._queue) < self._config.in_flight + may_wait or (
            quick and self._alone_now < self._config.alone
        )

    def turned_away(self, waiting: int = 0) -> BusyError:
        """Counts a request that was not even read, and says what its caller is told.

        Args:
            waiting: So many wait elsewhere, before they are read.
        """
        self._refused += 1
        waiting += len(self._queue)
        wait_s = max(self._takes_s * (1 + waiting / self._config.in_flight), self._config.interval_s)
        return BusyError(
            f"{self._running} requests are worked on and {waiting} wait; come back in {wait_s * 1000:.0f} ms",
            retry_after_ms=round(wait_s * 1000.0),
        )

    def statistics(self) -> AdmissionStatistics:
        """Since the start."""
        return AdmissionStatistics(
            self._admitted, self._waited, self._alone, self._refused, self._running, len(self._queue)
        )

    async def _wait(self, now: float, deadline: float) -> bool:
        """Waits for a place; false when there is none in time."""
        if not self._may_wait(now, deadline):
            return False
        patience_s = (deadline - now) * self._config.wait_share
        waiting = _Waiting(now, now + patience_s, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._look_again()
        try:
            has_place = await waiting.turn
        except BaseException:
            if waiting in self._queue:
                self._queue.remove(waiting)
            elif not waiting.turn.cancelled() and waiting.turn.result():
                self._next()  # it was given a place in the same moment
            raise
        self._waited += has_place
        return has_place

    def _may_wait(self, now: float, deadline: float) -> bool:
        expected_s = self._takes_s * (1 + len(self._queue) / self._config.in_flight)
        patience_s = (deadline - now) * self._config.wait_share
        return len(self._queue) < self._config.queued and expected_s <= patience_s

    def _look_again(self) -> None:
        """Sees to it that who has waited long enough is turned away, as long as anybody waits."""
        if self._looks_again is None and self._queue:
            loop = asyncio.get_running_loop()
            self._looks_again = loop.call_later(self._config.target_s, self._turn_away)

    def _turn_away(self) -> None:
        self._looks_again = None
        now = self._clock.now()
        self._turn_interval(now)
        longest_s = float("inf")
        if self._is_standing:
            longest_s = min(PLACES * self._takes_s / self._config.in_flight, LONGEST_S)
            longest_s = max(longest_s, self._config.target_s)
        for waiting in list(self._queue):
            if now >= waiting.until or now - waiting.since > longest_s:
                self._queue.remove(waiting)
                if not waiting.turn.done():
                    waiting.turn.set_result(False)
        self._look_again()

    def _next(self) -> None:
        """Hands a place that has become free to one who waits."""
        now = self._clock.now()
        while self._queue:
            waiting = self._queue.pop() if self._is_standing else self._queue.popleft()
            if not waiting.turn.done():
                self._saw_delay(now - waiting.since, now)
                waiting.turn.set_result(True)
                return
        self._saw_delay(0.0, now)
        self._running -= 1

    def _saw_delay(self, delay_s: float, now: float) -> None:
        self._least_s = min(self._least_s, delay_s)
        self._turn_interval(now)
        if delay_s < self._config.target_s:
            self._is_standing = False

    def _turn_interval(self, now: float) -> None:
        if now >= self._interval_ends:
            if self._least_s == float("inf"):  # nobody got a place: who waits longest says how it stands
                self._least_s = now - self._queue[0].since if self._queue else 0.0
            self._is_standing = self._least_s > self._config.target_s
            self._least_s = float("inf")
            self._interval_ends = now + self._config.interval_s
            self._alone_now = 0

    def _built_in_alone(self, quick: bool) -> bool:
        self._turn_interval(self._clock.now())
        if quick and self._alone_now < self._config.alone:
            self._alone_now += 1
            self._alone += 1
            return False
        raise self.turned_away()

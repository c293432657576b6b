"""Whose turn it is: so many calls at a time, so many more that wait for theirs, in order."""

from __future__ import annotations

import asyncio
from collections import deque


class FullError(Exception):
    """As many wait as may."""


class Turns:
    """The places of one plugin process.

    Attributes:
        free: Places. Who finds one takes it by counting it down, and gives it back with `pass_on`.
        waiting: Those who wait for one.
    """

    def __init__(self, places: int, queued: int) -> None:
        self.free = places
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._queued = queued
        self._loop = asyncio.get_running_loop()

    async def wait(self, deadline: float) -> None:
        """Returns with a place.

        Raises:
            FullError: Too many wait.
            TimeoutError: *deadline*, on the loop's clock, passed first.
            Exception: What `close` was given.
        """
        if len(self.waiting) >= self._queued:
            raise FullError
        turn: asyncio.Future[None] = self._loop.create_future()
        self.waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException:
            if turn in self.waiting:
                self.waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self.pass_on()  # it was given in the same moment
            raise

    def pass_on(self) -> None:
        """A place is free: the next one's, if somebody waits."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1

    def close(self, error: Exception) -> None:
        """Nobody will have a place any more."""
        for turn in self.waiting:
            if not turn.done():
                turn.set_exception(error)
        self.waiting.clear()

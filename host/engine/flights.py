"""Equal questions in flight are one piece of work: the first is worked on, the others wait for what it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Flight(Generic[T]):
    landed: asyncio.Future[T]
    deadline: float


class Flights(Generic[T]):
    """What is being worked on now, by key."""

    def __init__(self) -> None:
        self._open: dict[Hashable, _Flight[T]] = {}

    def has(self, key: Hashable) -> bool:
        """Whether it is being worked on."""
        return key in self._open

    async def join(self, key: Hashable, deadline: float, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The result of *work*, or of that which was begun before for the same key and ends by *deadline*.

        Returns:
            The result, and whether it is somebody else's.

        Raises:
            Exception: Whatever the work raised, for each that waited for it.
        """
        while (flight := self._open.get(key)) is not None and flight.deadline <= deadline:
            # Shielded: one who waits may go away, and the others must not lose the result for it.
            await asyncio.wait({flight.landed})
            if not flight.landed.cancelled():
                return flight.landed.result(), True
            # Its first caller went away before there was a result: the next in line does the work.
        if flight is not None:
            return await work(), False  # the one in flight may end too late for this caller
        flight = _Flight(asyncio.get_running_loop().create_future(), deadline)
        self._open[key] = flight
        try:
            result = await work()
        except asyncio.CancelledError:
            flight.landed.cancel()
            raise
        except Exception as error:
            flight.landed.set_exception(error)
            flight.landed.exception()  # it is raised here too; nobody has to be waiting
            raise
        else:
            flight.landed.set_result(result)
            return result, False
        finally:
            del self._open[key]

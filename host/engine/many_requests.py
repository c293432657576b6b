"""Many requests at once: each has its own outcome, and none waits so long for plugins that the rest come too late.

All deadlines count from when they came together. Plugins are asked as long as the built-ins would still get through
those that are left in the time that is left; from then on the built-ins answer alone. What has not been begun by its
deadline even so is refused, as one request too many is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from host.clock import Clock
from host.errors import BusyError, EngineOpsError
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems import OptimizeRequest, ProblemError

Outcome = Answer | EngineOpsError | ProblemError

Optimize = Callable[[OptimizeRequest, float, float], Awaitable[Answer]]
"""`(request, arrived, plugins_until)`, times on the clock's `now`."""

FIRST_GUESS_S = 0.0005  # what a small request costs the host without any plugin
OVERHEAD_S = 0.0003  # of that what is not the built-ins' own
MARGIN = 2.0  # times the estimate: others use the host too
MEMORY = 0.1  # how much the latest request says of the next
LATE_S = 0.08  # after its deadline an answer of the built-in is worth more than none, and beyond it none


class Pace:
    """Until when each of *count* requests may wait for plugins. Pure: times come in."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._own_s = FIRST_GUESS_S

    def begins(self, deadline: float) -> float:
        """One more is begun: the time from which on the others need all there is until *deadline*."""
        self._left -= 1
        return deadline - MARGIN * self._own_s * self._left

    def took(self, own_s: float) -> None:
        """What one cost the host itself, in seconds."""
        self._own_s += MEMORY * (own_s - self._own_s)


async def optimize_many(
    optimize: Optimize,
    requests: Sequence[OptimizeRequest],
    arrived: float,
    whole_s: Callable[[OptimizeRequest], float],
    clock: Clock,
    at_once: int,
) -> list[Outcome]:
    """One outcome a request, in their order.

    Args:
        arrived: When they came, on *clock*.
        whole_s: The seconds from a request's arrival to its deadline.
        at_once: How many are worked on at a time.
    """
    pace = Pace(len(requests))

    async def one(request: OptimizeRequest) -> Outcome:
        deadline = arrived + whole_s(request)
        plugins_until = pace.begins(deadline)
        if clock.now() > deadline + LATE_S:
            return BusyError(
                f"{len(requests)} requests came together, and the time of this one was up before its turn; send fewer "
                f"at once or give a larger deadlineMs",
                retry_after_ms=round(whole_s(request) * 1000.0),
            )
        try:
            answer = await optimize(request, arrived, plugins_until)
        except (EngineOpsError, ProblemError) as error:
            return error
        pace.took(_own_s(answer))
        return answer

    return await _in_order(one, requests, at_once)


def _own_s(answer: Answer) -> float:
    own_ms = sum(each.duration_ms for each in answer.candidates if each.by.startswith("builtin:"))
    return own_ms / 1000.0 + OVERHEAD_S


async def _in_order(
    work: Callable[[OptimizeRequest], Awaitable[Outcome]], requests: Sequence[OptimizeRequest], at_once: int
) -> list[Outcome]:
    """What each request comes to, begun in their order, *at_once* of them under way."""
    found: dict[int, Outcome] = {}
    waiting = iter(enumerate(requests))

    async def worker() -> None:
        for index, request in waiting:
            found[index] = await work(request)
            # What a built-in answers at once waits for nothing, and everybody else's turn would come after the last.
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(requests))):
            group.create_task(worker())
    return [found[index] for index in range(len(requests))]

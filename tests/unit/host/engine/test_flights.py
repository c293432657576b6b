"""Equal questions in flight are worked on once; nobody loses by waiting for another's work."""

from __future__ import annotations

import asyncio

import pytest

from host.engine.flights import Flights


class Work:
    """Counts how often it is begun, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.end = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        number = self.begun
        await self.end.wait()
        return f"result {number}"


async def begun(work: Work, times: int) -> None:
    while work.begun < times:
        await asyncio.sleep(0)


async def test_those_that_come_meanwhile_get_the_first_ones_result(within) -> None:
    flights, work = Flights[str](), Work()
    async with within(20):
        calls = [asyncio.create_task(flights.join("key", 5.0, work)) for _ in range(4)]
        await begun(work, 1)
        work.end.set()
        found = await asyncio.gather(*calls)
    assert work.begun == 1
    assert sorted(found) == [("result 1", False), *[("result 1", True)] * 3]


async def test_one_that_cannot_wait_that_long_does_its_own_work(within) -> None:
    flights, work = Flights[str](), Work()
    async with within(20):
        calls = [asyncio.create_task(flights.join("key", deadline, work)) for deadline in (5.0, 1.0)]
        await begun(work, 2)
        work.end.set()
        assert [shared for _, shared in await asyncio.gather(*calls)] == [False, False]


async def test_when_the_first_goes_away_the_next_does_the_work(within) -> None:
    flights, work = Flights[str](), Work()
    async with within(20):
        first = asyncio.create_task(flights.join("key", 5.0, work))
        await begun(work, 1)
        second = asyncio.create_task(flights.join("key", 5.0, work))
        await asyncio.sleep(0)
        first.cancel()
        await begun(work, 2)
        work.end.set()
        assert await second == ("result 2", False)


async def test_one_who_waits_and_goes_away_takes_nothing_with_him(within) -> None:
    flights, work = Flights[str](), Work()
    async with within(20):
        first = asyncio.create_task(flights.join("key", 5.0, work))
        await begun(work, 1)
        second = asyncio.create_task(flights.join("key", 5.0, work))
        await asyncio.sleep(0)
        second.cancel()
        work.end.set()
        assert await first == ("result 1", False)


async def test_a_failure_is_everyones_and_the_next_call_starts_anew(within) -> None:
    flights = Flights[str]()
    go = asyncio.Event()

    async def fails() -> str:
        await go.wait()
        raise ValueError("no")

    async with within(20):
        calls = [asyncio.create_task(flights.join("key", 5.0, fails)) for _ in range(2)]
        await asyncio.sleep(0)
        go.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in found] == [ValueError, ValueError]
        work = Work()
        work.end.set()
        assert await flights.join("key", 5.0, work) == ("result 1", False)


async def test_different_keys_are_different_work() -> None:
    flights, work = Flights[str](), Work()
    work.end.set()
    assert [(await flights.join(key, 5.0, work))[0] for key in "ab"] == ["result 1", "result 2"]


@pytest.mark.parametrize("count", [1, 50])
async def test_nothing_is_left_behind(count: int) -> None:
    flights, work = Flights[str](), Work()
    work.end.set()
    await asyncio.gather(*(flights.join(n % 7, 5.0, work) for n in range(count)))
    assert not flights._open

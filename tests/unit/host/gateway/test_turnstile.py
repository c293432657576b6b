"""So many requests begin in one turn of the loop, the others wait their turn, and nobody waits longer than he may."""

from __future__ import annotations

import asyncio

import pytest

from host.gateway.turnstile import IN_ORDER_S, TARGET_S, Lane, Turnstile, Wait


class Crowd:
    """Requests at a turnstile, with a clock that the test turns; room for each lane as the test says."""

    def __init__(self, per_turn=16):
        self.at = 0.0
        self.room: dict[Lane, bool] = {"small": True, "large": True}
        self.worked = 0.0
        self.turnstile = Turnstile(
            per_turn, lambda: self.at, lambda lane: self.room[lane], lambda: self.worked
        )
        self.begun: list[object] = []
        self.away: list[object] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def request(self, name, how=None):
        goes_on = self.turnstile.passes() or await self.turnstile.wait(how or Wait("small", 100.0, 100.0))
        (self.begun if goes_on else self.away).append(name)

    def come(self, *names, lane="small", patience_s=100.0):
        self.tasks += [
            asyncio.create_task(self.request(name, Wait(lane, patience_s, 2 * patience_s))) for name in names
        ]

    async def until(self, is_so):
        """Lets the loop turn until *is_so*."""
        async with asyncio.timeout(20):
            while not is_so():
                await asyncio.sleep(0.001)

    async def fill(self):
        """Nobody passes at once any more: there is no room, and somebody waits for it."""
        self.room["small"] = False
        self.turnstile._left = 0
        self.come("blocker")
        await asyncio.sleep(0)

    async def sees_no_room(self, lane):
        """Looks once more, now."""
        await self.until(lambda: self.turnstile._full_at[lane] == self.at)

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def crowd():
    made = Crowd()
    yield made
    await made.end()


async def test_those_who_come_alone_do_not_wait():
    turnstile = Turnstile(per_turn=2)
    for _ in range(10):
        assert turnstile.passes()
        await asyncio.sleep(0)


async def test_of_those_who_come_together_so_many_begin_in_a_turn_and_in_their_order():
    crowd = Crowd(per_turn=3)
    crowd.come(*range(10))
    before, most = 0, 0
    while len(crowd.begun) < 10:
        await asyncio.sleep(0)
        most = max(most, len(crowd.begun) - before)
        before = len(crowd.begun)
    assert crowd.begun == list(range(10))
    assert most <= 3
    await crowd.end()


async def test_one_who_goes_away_while_it_waits_costs_nobody_a_turn():
    crowd = Crowd(per_turn=1)
    crowd.come(*range(5))
    await asyncio.sleep(0)
    crowd.tasks[2].cancel()
    await crowd.until(lambda: crowd.begun == [0, 1, 3, 4])
    await crowd.end()


async def test_after_long_turns_fewer_begin_and_after_short_ones_as_many_as_before():
    async def begun_in_turns_of(seconds, turns, crowd):
        """How many begin in the last of *turns*, while there are always enough that wait."""
        crowd.come(*range(17 * turns))
        for _ in range(turns):
            before = len(crowd.begun)
            crowd.worked += seconds
            await asyncio.sleep(0)
        last = len(crowd.begun) - before
        await crowd.end()
        return last

    crowd = Crowd()
    assert await begun_in_turns_of(0.1, 8, crowd) == 2
    assert await begun_in_turns_of(0.001, 40, crowd) == 16


async def test_while_there_is_no_room_nobody_begins_and_each_is_turned_away_when_its_patience_is_over(crowd):
    await crowd.fill()
    crowd.come("short", patience_s=0.1)
    crowd.come("long", patience_s=0.3)
    await asyncio.sleep(0)
    crowd.at = 0.2
    await crowd.until(lambda: crowd.away == ["short"])
    crowd.at = 0.4
    await crowd.until(lambda: crowd.away == ["short", "long"])
    assert crowd.begun == []


async def test_when_there_is_room_again_the_oldest_goes_first_unless_he_has_waited_for_long(crowd):
    await crowd.fill()
    crowd.come("a", "b")
    await asyncio.sleep(0)
    crowd.room["small"] = True
    await crowd.until(lambda: len(crowd.begun) == 3)
    assert crowd.begun == ["blocker", "a", "b"]
    crowd.begun.clear()
    await crowd.fill()
    crowd.come("a", "b")
    await asyncio.sleep(0)
    crowd.at += 2 * TARGET_S
    await crowd.sees_no_room("small")
    crowd.room["small"] = True
    await crowd.until(lambda: len(crowd.begun) == 3)
    assert crowd.begun == ["b", "a", "blocker"]


async def test_while_only_turns_are_short_the_oldest_goes_first_however_long_he_has_waited():
    """Callers who send again as soon as they are answered: with the newest first the oldest never had a turn."""
    crowd = Crowd(per_turn=1)
    crowd.come(*range(20), patience_s=10 * TARGET_S)
    came = 20
    for _ in range(200):
        before = len(crowd.begun)
        await asyncio.sleep(0)
        crowd.at += 0.4 * TARGET_S  # a round of all takes eight times the target
        crowd.come(*range(came, came + len(crowd.begun) - before), patience_s=10 * TARGET_S)
        came += len(crowd.begun) - before
    assert crowd.begun == list(range(len(crowd.begun)))
    assert len(crowd.begun) > 100
    assert crowd.away == []
    await crowd.end()


async def test_where_more_wait_than_can_be_served_in_time_the_newest_goes_first_and_the_oldest_are_turned_away():
    crowd = Crowd(per_turn=1)
    crowd.come(*range(400), patience_s=10 * TARGET_S)

    async def works():
        await asyncio.sleep(0)
        crowd.worked += IN_ORDER_S / 200

    while len(crowd.begun) < 100:
        await works()
    assert crowd.begun == list(range(100))
    crowd.begun.clear()
    crowd.at += 2 * TARGET_S
    while len(crowd.begun) < 4:
        await works()
    assert crowd.begun[:4] == [100, 399, 398, 397]  # the first had its turn before
    while not crowd.away:
        crowd.at += 0.1 * TARGET_S
        await works()
    assert crowd.away == list(range(crowd.away[0], crowd.away[0] + len(crowd.away)))
    assert 100 <= crowd.away[0] < 200
    await crowd.end()


async def test_a_stall_of_the_loop_turns_nobody_away_while_there_is_room():
    crowd = Crowd(per_turn=1)
    crowd.come(*range(20), patience_s=0.2)
    await asyncio.sleep(0)
    crowd.at += 0.2 * 1.9
    await crowd.until(lambda: len(crowd.begun) == 20)
    assert crowd.away == []
    crowd.turnstile._left = 0
    crowd.come(*range(20), patience_s=0.2)
    await asyncio.sleep(0)
    crowd.at += 0.2 * 2.1
    await crowd.until(lambda: len(crowd.away) > 0)
    await crowd.end()


async def test_a_lane_without_room_keeps_nobody_of_another_waiting(crowd):
    await crowd.fill()
    crowd.come("operator", lane="first")
    crowd.come("packing", lane="large")
    await crowd.until(lambda: len(crowd.begun) == 2)
    assert crowd.begun == ["operator", "packing"]
    assert crowd.away == []


async def test_it_looks_only_now_and_then_while_nobody_can_begin(crowd):
    """A turn in each turn of the loop would take a whole processor for nothing."""
    await crowd.fill()
    turns = 0
    turn = crowd.turnstile._turn

    def counted():
        nonlocal turns
        turns += 1
        turn()

    crowd.turnstile._turn = counted
    for _ in range(500):
        await asyncio.sleep(0)
    assert turns < 100

"""So many requests begin in one turn of the loop; the others keep their order, and nobody is forgotten."""

from __future__ import annotations

import asyncio

from host.gateway.turnstile import Turnstile


async def test_those_who_come_alone_do_not_wait():
    turnstile = Turnstile(per_turn=2)
    for _ in range(10):
        entering = turnstile.enter()
        try:
            entering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")
        await asyncio.sleep(0)


async def test_of_those_who_come_together_so_many_begin_in_a_turn_and_in_their_order():
    turnstile = Turnstile(per_turn=3)
    begun = []

    async def request(number):
        await turnstile.enter()
        begun.append(number)

    tasks = [asyncio.create_task(request(number)) for number in range(10)]
    before, most = 0, 0
    while len(begun) < 10:
        await asyncio.sleep(0)
        most = max(most, len(begun) - before)
        before = len(begun)
    assert begun == list(range(10))
    assert most <= 3
    await asyncio.gather(*tasks)


async def test_one_who_goes_away_while_it_waits_costs_nobody_a_turn():
    turnstile = Turnstile(per_turn=1)
    tasks = [asyncio.create_task(turnstile.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found].count(asyncio.CancelledError) == 1
    await asyncio.wait_for(turnstile.enter(), 20)


async def test_after_long_turns_fewer_begin_and_after_short_ones_as_many_as_before():
    now = [0.0]
    turnstile = Turnstile(per_turn=16, now=lambda: now[0])

    async def begun_in_turns_of(seconds, turns):
        """How many begin in the last of *turns*, while there are always enough that wait."""
        begun = 0

        async def request():
            nonlocal begun
            await turnstile.enter()
            begun += 1

        tasks = [asyncio.create_task(request()) for _ in range(17 * turns)]
        for _ in range(turns):
            before = begun
            now[0] += seconds
            await asyncio.sleep(0)
        last = begun - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return last

    assert await begun_in_turns_of(0.1, 8) == 2
    assert await begun_in_turns_of(0.001, 40) == 16

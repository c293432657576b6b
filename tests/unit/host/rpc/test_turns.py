"""Places and those who wait for one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.rpc.turns import FullError, Turns


def later(seconds):
    return asyncio.get_running_loop().time() + seconds


async def test_places_are_given_in_the_order_of_asking():
    turns, order = Turns(0, 3), []

    async def one(name):
        await turns.wait(later(20))
        order.append(name)

    tasks = [asyncio.create_task(one(name)) for name in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(FullError):
        await turns.wait(later(20))
    for _ in tasks:
        turns.pass_on()
    await asyncio.wait(tasks, timeout=20)
    assert order == ["a", "b", "c"]
    assert (turns.free, len(turns.waiting)) == (0, 0)


async def test_who_does_not_get_a_place_in_time_keeps_none():
    turns = Turns(0, 1)
    with pytest.raises(TimeoutError):
        await turns.wait(later(0.001))
    turns.pass_on()
    assert turns.free == 1


async def test_those_who_wait_are_told_when_there_will_be_none():
    turns = Turns(0, 2)
    tasks = [asyncio.create_task(turns.wait(later(20))) for _ in range(2)]
    await asyncio.sleep(0)
    turns.close(ValueError("gone"))
    for task in tasks:
        with pytest.raises(ValueError, match="gone"):
            await task
    assert not turns.waiting


@given(
    st.lists(st.tuples(st.sampled_from(["come", "leave", "pass on", "turn"]), st.integers(0, 9)), max_size=40)
)
def test_no_place_is_lost_or_made_whatever_happens_in_one_moment(steps):
    asyncio.run(_play(steps))


async def _play(steps):
    turns, tasks = Turns(0, 10), []
    given_back = 0
    for what, who in steps:
        if what == "come" and len(turns.waiting) < 10:
            tasks.append(asyncio.create_task(turns.wait(later(20))))
        elif what == "leave" and tasks:
            tasks[who % len(tasks)].cancel()
        elif what == "pass on":
            turns.pass_on()
            given_back += 1
        elif what == "turn":
            await asyncio.sleep(0)
    for _ in range(5):  # turns of the loop, until all that was given has come to somebody
        await asyncio.sleep(0)
    got = sum(task.done() and not task.cancelled() and task.exception() is None for task in tasks)
    assert got + turns.free == given_back
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

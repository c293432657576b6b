"""A call that carries a key is carried out once."""

from __future__ import annotations

import asyncio

import pytest

from host.errors import RequestError
from host.gateway.idempotency import KEPT_S, Repeats


class Work:
    def __init__(self) -> None:
        self.times = 0
        self.go = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        await self.go.wait()
        self.times += 1
        if self.fails:
            raise RuntimeError("the disk is full")
        return 3


async def test_a_repeat_gets_the_first_answer_even_while_the_first_is_under_way() -> None:
    repeats, work = Repeats(), Work()
    first = asyncio.create_task(repeats.once("k", [1], work))
    second = asyncio.create_task(repeats.once("k", [1], work))
    await asyncio.sleep(0)
    work.go.set()
    assert (await first, await second) == ((3, False), (3, True))
    assert work.times == 1


async def test_a_key_that_was_used_for_something_else_is_refused() -> None:
    repeats, work = Repeats(), Work()
    work.go.set()
    await repeats.once("k", [1], work)
    with pytest.raises(RequestError, match="another call"):
        await repeats.once("k", [2], work)


async def test_a_call_that_failed_may_be_tried_again() -> None:
    repeats, work = Repeats(), Work()
    work.go.set()
    work.fails = True
    with pytest.raises(RuntimeError):
        await repeats.once("k", [1], work)
    work.fails = False
    await asyncio.sleep(0)
    assert await repeats.once("k", [1], work) == (3, False)


async def test_a_caller_that_goes_away_does_not_take_the_work_along() -> None:
    repeats, work = Repeats(), Work()
    first = asyncio.create_task(repeats.once("k", [1], work))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.go.set()
    assert await repeats.once("k", [1], work) == (3, True)


async def test_a_key_is_forgotten_after_a_day() -> None:
    now = 0.0
    repeats, work = Repeats(lambda: now), Work()
    work.go.set()
    await repeats.once("k", [1], work)
    now = KEPT_S + 1
    assert await repeats.once("k", [1], work) == (3, False)

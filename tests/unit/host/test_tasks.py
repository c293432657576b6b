"""Cleanup that completes, and work with an owner."""

from __future__ import annotations

import asyncio
import logging

import pytest

from host.tasks import Background, finish, unless


async def test_finish_gives_the_result_and_lets_a_failure_through():
    async def answer():
        await asyncio.sleep(0)
        return 5

    async def fail():
        await asyncio.sleep(0)
        raise ValueError("broken")

    assert await finish(answer()) == 5
    with pytest.raises(ValueError, match="broken"):
        await finish(fail())


async def test_a_cancelled_caller_still_completes_its_cleanup_and_is_then_cancelled():
    gate, steps = asyncio.Event(), []

    async def cleanup():
        await gate.wait()
        steps.append("clean")

    caller = asyncio.ensure_future(finish(cleanup()))
    for _ in range(3):  # however often
        await asyncio.wait([caller], timeout=0)
        caller.cancel()
    await asyncio.wait([caller], timeout=0)
    assert steps == []
    gate.set()
    await asyncio.wait([caller])
    assert steps == ["clean"]
    assert caller.cancelled()


async def test_a_cleanup_that_fails_under_a_cancelled_caller_is_logged(caplog):
    gate = asyncio.Event()

    async def cleanup():
        await gate.wait()
        raise ValueError("broken")

    caller = asyncio.ensure_future(finish(cleanup()))
    await asyncio.wait([caller], timeout=0)
    caller.cancel()
    gate.set()
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([caller])
    assert caller.cancelled()
    assert caplog.records[0].message == "tasks.cleanup_failed"


async def test_unless_gives_the_result_or_nothing_and_leaves_no_task_running():
    never = asyncio.Event()

    async def forever():
        await never.wait()

    async def now(value=None):
        return value

    assert await unless(forever(), now(5)) == 5
    assert await unless(now(), forever()) is None
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_background_work_that_fails_is_logged_once_by_name(caplog):
    background = Background()

    async def fail():
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        await asyncio.wait([background.start(fail(), name="the:work")])
    (record,) = caplog.records
    assert (record.message, record.task) == ("tasks.failed", "the:work")
    await background.aclose()


async def test_closing_waits_until_everything_has_ended():
    background, steps = Background(), []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("ended")

    tasks = [background.start(work(), name="w") for _ in range(3)]
    await asyncio.sleep(0)
    await background.aclose()
    assert steps == ["ended"] * 3
    assert all(task.cancelled() for task in tasks)
    await background.aclose()

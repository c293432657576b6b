"""Requests as points of history."""

from __future__ import annotations

import asyncio

from host.clock import SystemClock
from host.workload.journal import Journal
from host.workload.selection import Selection
from host.workload.store.lines import decode_line
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.problems.request import OptimizeRequest


async def recorded(histories, data, *, score=0.5, success=True):
    history = await histories()
    await history.clear()
    journal = Journal(history, SystemClock())
    answer = Answer(
        request_id="r",
        success=success,
        metrics=AnswerMetrics(12, score),
        decided_by="builtin:x",
        strategy="best",
        degraded=False,
        candidates=[],
    )
    before = history.last_seq
    journal.record(OptimizeRequest("r", "resource", data), answer)
    async with asyncio.timeout(60):  # a question waits a second for the disk, which may be busy for longer
        await history.wait_news(before)
    (line,) = (await history.query(Selection())).points
    assert journal.size() == 1
    await history.aclose()
    return decode_line(line)


async def test_a_request_becomes_a_point_with_what_was_asked_and_how_it_ended(histories):
    point = await recorded(histories, {"nodeCapacity": {"cpu": 4, "memory": 16.5}})
    assert point.resource_usage == {"cpu": 4.0, "memory": 16.5, "score": 0.5}
    assert (point.request_type, point.duration, point.success, point.request_id) == (
        "resource",
        12.0,
        True,
        "r",
    )
    assert point.metadata["decidedBy"] == "builtin:x"


async def test_what_is_no_amount_is_left_out_and_no_score_is_no_usage(histories):
    point = await recorded(
        histories, {"nodeCapacity": {"cpu": True, "gpu": "A100", "memory": None}}, score=0.0, success=False
    )
    assert point.resource_usage == {}
    assert not point.success
    assert (await recorded(histories, {"nodeCapacity": [1]})).resource_usage == {"score": 0.5}


async def test_an_amount_larger_than_any_float_is_left_out(histories):
    point = await recorded(histories, {"nodeCapacity": {"cpu": 10**400, "memory": 1}})
    assert point.resource_usage == {
        "memory": 1.0,
        "score": 0.5,
    }

"""The refiner's worker: a real process that answers, is killed when it is over its time, and is there again."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

pytest.importorskip("ortools", reason="ORTOOLS IS MISSING: pip install 'engine-ops[solve]'")

from host.clock import SystemClock
from host.engine.engine import Engine, EngineConfig
from host.engine.refine import Refiner
from host.solvers.packing import first_fit_decreasing
from plugin_sdk.contract.problems import OptimizeRequest
from plugin_sdk.contract.problems.packing import parse_packing

SIZES = [44, 24, 24, 22, 21, 17, 8, 8, 6, 6]
DATA = {"items": [{"id": f"i{n}", "cpu": size} for n, size in enumerate(SIZES)], "nodeCapacity": {"cpu": 61}}


class Nobody:
    """No plugins and no history."""

    def askable(self, request_type):
        return []

    def absent(self, request_type):
        return []

    def size(self):
        return 0

    def record(self, request, answer):
        pass


async def test_an_answer_in_hand_that_is_not_best_is_bettered_and_proven():
    engine = Engine(Nobody(), Nobody(), SystemClock(), EngineConfig(cache_entries=0))
    try:
        async with asyncio.timeout(120):
            answer = await engine.optimize(OptimizeRequest("r", "resource", DATA, deadline_ms=60_000))
    finally:
        await engine.aclose()
    assert (answer.decided_by, answer.objective, answer.metrics.score) == ("builtin:cp-sat", [0, 3], 1.0)
    refined = answer.candidates[-1]
    assert (refined.by, refined.bound, refined.gap, refined.out_of_time) == (
        "builtin:cp-sat",
        [0, 3],
        0.0,
        False,
    )


async def test_a_request_without_time_for_the_worker_to_come_up_does_without_and_a_later_one_finds_it():
    engine = Engine(Nobody(), Nobody(), SystemClock(), EngineConfig(cache_entries=0))
    try:
        async with asyncio.timeout(120):
            answer = await engine.optimize(OptimizeRequest("r", "resource", DATA, deadline_ms=500))
            assert answer.success
            while answer.decided_by != "builtin:cp-sat":
                await asyncio.sleep(0.1)
                answer = await engine.optimize(OptimizeRequest("r", "resource", DATA, deadline_ms=1000))
                assert answer.success
    finally:
        await engine.aclose()
    assert answer.objective == [0, 3]


async def test_a_request_that_names_cp_sat_has_it_without_naming_a_deadline():
    engine = Engine(Nobody(), Nobody(), SystemClock(), EngineConfig(cache_entries=0, default_deadline_s=60.0))
    try:
        async with asyncio.timeout(120):
            answer = await engine.optimize(OptimizeRequest("r", "resource", DATA, built_ins=["cp-sat"]))
    finally:
        await engine.aclose()
    assert (answer.decided_by, answer.objective) == ("builtin:cp-sat", [0, 3])


async def test_a_request_that_names_no_deadline_is_not_made_to_wait_for_it():
    engine = Engine(Nobody(), Nobody(), SystemClock(), EngineConfig(cache_entries=0))
    answer = await engine.optimize(OptimizeRequest("r", "resource", DATA))
    assert all(each.by != "builtin:cp-sat" for each in answer.candidates)
    await engine.aclose()


async def test_a_worker_that_is_killed_costs_that_answer_only_and_none_is_left_behind():
    refiner, problem = Refiner(SystemClock()), parse_packing(DATA)
    hint = first_fit_decreasing(problem)
    async with asyncio.timeout(120):
        assert (await refiner.refine(problem, hint, time.monotonic() + 60)).answer is not None
        first = refiner._process.pid
        os.kill(first, 9)
        await refiner._process.wait()
        assert (await refiner.refine(problem, hint, time.monotonic() + 60)).answer is not None
        second = refiner._process.pid
        asked = asyncio.create_task(refiner.refine(problem, hint, time.monotonic() + 60))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        await refiner.aclose()
    assert second != first
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

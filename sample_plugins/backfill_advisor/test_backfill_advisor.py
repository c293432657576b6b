from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk import Abstained, WorkloadDataPoint
from plugin_sdk.contract.messages import Scores
from plugin_sdk.testing import PluginHarness, load_folder

HOUR_MS = 3_600_000.0
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent))


def ended(user: str, run_ms: float, procs: int = 4, requested: float = DAY_MS) -> WorkloadDataPoint:
    features = {"user": user, "procs": procs, "requestedTime": requested}
    return WorkloadDataPoint(0.0, "scheduling", {}, run_ms, True, features=features)


def waiting(user: str, waited_ms: float = 0.0, procs: int = 4, requested: float = DAY_MS) -> dict[str, Any]:
    return {
        "id": user,
        "user": user,
        "submit": 100 * DAY_MS - waited_ms,
        "procs": procs,
        "requestedTime": requested,
    }


def scored(harness: PluginHarness, jobs: list[dict[str, Any]]) -> list[float]:
    answer = harness.score({"kind": "queue", "now": 100 * DAY_MS, "cluster": {"procs": 64}}, jobs)
    assert isinstance(answer, Scores)
    return answer.scores


def test_before_anything_has_ended_what_is_asked_for_decides(harness: PluginHarness) -> None:
    long, short = scored(harness, [waiting("a"), waiting("b", requested=HOUR_MS)])
    assert short > long


def test_the_user_whose_jobs_were_short_goes_first_though_both_ask_for_a_day(harness: PluginHarness) -> None:
    harness.learn([ended("short", 60_000.0)] * 5 + [ended("long", 20 * HOUR_MS)] * 5)
    long, short = scored(harness, [waiting("long"), waiting("short")])
    assert short > long


def test_a_job_that_waits_long_enough_passes_every_newcomer(harness: PluginHarness) -> None:
    harness.learn([ended("short", 10_000.0)] * 5 + [ended("long", DAY_MS)] * 5)
    old, new = scored(harness, [waiting("long", waited_ms=12 * DAY_MS, procs=64), waiting("short", procs=1)])
    assert old > new


def test_of_many_jobs_of_an_unknown_kind_one_goes_ahead_to_tell(harness: PluginHarness) -> None:
    scores = scored(harness, [waiting("new") for _ in range(500)])
    assert scores[0] > scores[1] == scores[-1]
    harness.learn([ended("new", DAY_MS)] * 50)
    known = scored(harness, [waiting("new") for _ in range(500)])
    assert known[0] - known[1] < 1.0 < scores[0] - scores[1]


def test_where_requests_have_been_the_run_times_they_are_believed(harness: PluginHarness) -> None:
    harness.learn(
        [ended("u", 60_000.0, requested=60_000.0), ended("u", HOUR_MS, requested=HOUR_MS)] * 60
        + [ended("v", DAY_MS)] * 20
    )
    long, short = scored(harness, [waiting("u", requested=DAY_MS), waiting("v", requested=HOUR_MS)])
    assert short > long


def test_a_reset_forgets(harness: PluginHarness) -> None:
    jobs = [waiting("u"), waiting("v")]
    fresh = scored(harness, jobs)
    harness.learn([ended("u", HOUR_MS)] * 20)
    assert scored(harness, jobs) != fresh
    harness.learn([], reset=True)
    assert scored(harness, jobs) == fresh


def test_what_is_no_queue_of_jobs_is_left_to_others(harness: PluginHarness) -> None:
    assert isinstance(harness.score({"kind": "task"}, [{"id": "n"}]), Abstained)
    bare = harness.score({"kind": "queue", "now": 0.0}, [{"id": "j", "submit": 0.0}])
    assert isinstance(bare, Abstained)


def test_three_hundred_jobs_are_scored_in_a_few_milliseconds(harness: PluginHarness) -> None:
    harness.learn([ended(f"u{n % 40}", 1000.0 * (n + 1)) for n in range(400)])
    jobs = [waiting(f"u{n % 40}", waited_ms=1000.0 * n, procs=1 + n % 8) for n in range(300)]
    took = []
    for _ in range(9):
        began = time.perf_counter()
        scored(harness, jobs)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.030  # about 1 ms on a quiet machine; the best of nine, as others share this one

from __future__ import annotations

import numpy as np
import pytest

from host.simulator.tasks.run_times import RunTimes
from host.solvers.batch.replay import JobColumns


def some(count: int = 8) -> JobColumns:
    """Jobs of two users by turns, all of one size of request, that run for 20, 40, 60 ... seconds."""
    numbers = list(range(count))
    return JobColumns.of(
        [float(each) for each in numbers], [20.0 * (each + 1) for each in numbers], [1] * count,
        [1000.0] * count, [f"u{each % 2}" for each in numbers],
    )  # fmt: skip


def test_before_anything_has_ended_a_job_may_run_as_long_as_it_asks_for() -> None:
    known = RunTimes(some())
    assert known.guess(0) == 1000.0
    assert known.losses(np.array([0])) == pytest.approx([1 / 1000])


def test_a_job_may_run_as_the_latest_of_its_users_jobs_of_that_size_did() -> None:
    known = RunTimes(some())
    known.add(0)
    known.add(2)
    known.add(1)
    assert known.guess(4) == 60.0
    assert known.guess(5) == 40.0


def test_waiting_costs_an_ended_job_what_it_did_and_others_the_mean_of_their_kind() -> None:
    known = RunTimes(some(200))
    for job in range(0, 100, 2):
        known.add(job)
    mean = np.mean([1 / (20.0 * (job + 1)) for job in range(0, 100, 2)])
    exact, expected = known.losses(np.array([4, 102]))
    assert exact == pytest.approx(1 / 100)
    assert expected == pytest.approx(mean, rel=0.1)


def test_a_guess_for_one_of_whom_nothing_is_known_is_some_jobs_use_of_its_request() -> None:
    jobs = JobColumns.of([0.0] * 9, [5.0 + each for each in range(9)], [1] * 9, [100.0] * 9, list(range(9)))
    known = RunTimes(jobs)
    for job in range(4):
        known.add(job)
    assert {round(known.guess(job), 9) for job in range(4, 9)} <= {5.0, 6.0, 7.0, 8.0}

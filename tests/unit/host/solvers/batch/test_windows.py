from __future__ import annotations

import pytest

from host.solvers.batch.windows import ORDERS, WindowJob, mean_bounded_slowdown, play_in_order

JOBS = [
    WindowJob(0, 100, 4, 100),
    WindowJob(1, 50, 4, 50),
    WindowJob(2, 10, 4, 10),
    WindowJob(3, 90, 1, 90),
]


def test_first_come_first_served_starts_jobs_as_they_came() -> None:
    assert play_in_order(JOBS, 4, False, ORDERS["fcfs"]) == [0, 100, 150, 160]


def test_a_picked_job_is_committed_although_shorter_ones_come_meanwhile() -> None:
    # The second was picked at its arrival, when it was alone; then the shortest of the others.
    assert play_in_order(JOBS, 4, False, ORDERS["sjf"]) == [0, 100, 150, 160]


def test_with_backfilling_a_job_goes_ahead_that_ends_before_the_picked_one_can_start() -> None:
    jobs = [
        WindowJob(0, 100, 3, 100),
        WindowJob(1, 50, 4, 50),
        WindowJob(2, 20, 1, 20),
        WindowJob(3, 200, 1, 200),
    ]
    assert play_in_order(jobs, 4, True, ORDERS["fcfs"]) == [0, 100, 2, 150]
    assert play_in_order(jobs, 4, False, ORDERS["fcfs"]) == [0, 100, 150, 150]


@pytest.mark.parametrize("name", sorted(ORDERS))
@pytest.mark.parametrize("backfill", [False, True])
def test_every_order_starts_every_job_after_it_came(name: str, backfill: bool) -> None:
    starts = play_in_order(JOBS, 4, backfill, ORDERS[name])
    assert all(at >= job.submit for at, job in zip(starts, JOBS, strict=True))
    assert mean_bounded_slowdown(JOBS, starts) >= 1


def test_the_published_defect_ignores_how_long_a_job_has_waited() -> None:
    job = WindowJob(500, 10, 2, 10)
    assert ORDERS["rlscheduler-wfp3"](job, 600) == ORDERS["rlscheduler-wfp3"](job, 6000)
    assert ORDERS["wfp3"](job, 600) > ORDERS["wfp3"](job, 6000)

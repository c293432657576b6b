from __future__ import annotations

import random

import numpy as np
import pytest

from host.simulator.tasks.batch_account import Accounts
from host.simulator.tasks.run_times import RunTimes
from host.solvers.batch.replay import Order, Predict, Replay, bounded_slowdowns
from host.solvers.batch.rules import EASY, Predictor, Rules
from host.solvers.batch.shadow import Shadow
from host.solvers.batch.state import JobColumns


def some_jobs(seed: int, count: int = 300) -> JobColumns:
    chance = random.Random(seed)
    submit = sorted(float(chance.randrange(6000)) for _ in range(count))
    run = [chance.choice([2, 30, 400]) + chance.random() for _ in range(count)]  # no two end at once
    return JobColumns.of(
        submit, run, [chance.choice([1, 4, 16]) for _ in range(count)],
        [each * chance.choice([1, 3, 20]) for each in run], [chance.randrange(5) for _ in range(count)],
    )  # fmt: skip


def played(jobs: JobColumns, says: float) -> tuple[Replay, list[tuple[float, float]]]:
    """Both accounts at each submission and at the end; predictions are *says* times the request."""
    replay = Replay(jobs, 16, Rules("advised", Predictor.ASKED))
    shadow = Shadow(replay, 16, EASY)
    run_times = RunTimes(jobs)
    accounts = Accounts(jobs, 16, run_times)
    costs = []

    def look(now: float) -> None:
        for job in replay.newly_ended():
            run_times.add(job)
            shadow.ended(job, float(jobs.run[job]))
        shadow.advance_to(now)
        costs.append(accounts.costs(replay.state, shadow, now)[:2])

    while (asked := replay.next_question()) is not None:
        assert isinstance(asked, Predict)
        look(asked.now)
        replay.predict(asked.job, says * float(jobs.requested[asked.job]))
    look(1e7)
    return replay, costs


@pytest.mark.parametrize("seed", range(3))
def test_in_the_end_a_run_has_cost_what_its_schedule_costs(seed: int) -> None:
    jobs = some_jobs(seed)
    replay, costs = played(jobs, 0.1)
    assert costs[-1][0] == pytest.approx(float(bounded_slowdowns(jobs, replay.start).sum()))


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_does_as_its_shadow_costs_the_same_at_every_moment(seed: int) -> None:
    _, costs = played(some_jobs(seed), 1.0)
    assert [run for run, _ in costs] == pytest.approx([shadow for _, shadow in costs])


def test_costs_are_sums_over_the_jobs_that_have_come() -> None:
    jobs = some_jobs(1)
    _, costs = played(jobs, 1.0)
    came = [int(np.searchsorted(jobs.submit, now, "right")) for now in jobs.submit]
    assert all(run >= count - 1e-9 for (run, _), count in zip(costs, came, strict=False))


def test_what_an_order_leaves_waiting_is_still_to_come() -> None:
    """Two jobs of a second wait behind one of an hour that was let ahead of them; the shadow lets nobody ahead."""
    jobs = JobColumns.of(
        [0, 1, 2, 3, 70], [60, 1, 1, 3600, 1], [16] * 5, [60, 1, 1, 3600, 1], ["a", "b", "b", "long", "b"]
    )
    replay = Replay(jobs, 16, Rules("advised", Predictor.ASKED, order_asked=True))
    shadow = Shadow(replay, 16, EASY)
    while asked := replay.next_question():
        if isinstance(asked, Order):
            replay.reorder({job: float(jobs.run[job]) for job in asked.waiting})
        elif asked.now == 70:
            break
        else:
            replay.predict(asked.job, float(jobs.requested[asked.job]))
    shadow.ended(0, 60.0)
    shadow.advance_to(70.0)
    costs = Accounts(jobs, 16, RunTimes(jobs)).costs(replay.state, shadow, 70.0)
    assert costs.run - costs.shadow < 5  # a few seconds, as yet
    assert costs.coming > 100

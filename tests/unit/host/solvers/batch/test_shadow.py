"""A shadow beside runs that do the same, and beside runs that do their worst."""

from __future__ import annotations

import random

import pytest

from host.solvers.batch.replay import JobColumns, Order, Predict, Replay, start_times
from host.solvers.batch.rules import EASY, Predictor, Rules
from host.solvers.batch.shadow import Shadow

from .test_replay import PROCS, some_jobs


def tell(shadow: Shadow, replay: Replay) -> None:
    for job in replay.newly_ended():
        shadow.ended(job, float(replay.jobs.run[job]))


@pytest.mark.parametrize("expected_s", [1.0, 200.0, 1e6])
def test_a_shadow_beside_a_run_that_does_the_same_does_the_same_whatever_it_expects(
    expected_s: float,
) -> None:
    jobs = some_jobs(5)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED))
    shadow = Shadow(replay, PROCS, EASY)
    for job in range(len(jobs)):
        shadow.expect(job, min(expected_s, float(jobs.requested[job])))
    while (asked := replay.next_question()) is not None:
        assert isinstance(asked, Predict)
        tell(shadow, replay)
        shadow.advance_to(asked.now - 1)
        replay.predict(asked.job, float(jobs.requested[asked.job]))
    tell(shadow, replay)
    shadow.advance_to(1e9)
    assert shadow.idle
    assert [shadow.start_of(job) for job in range(len(jobs))] == replay.start.tolist()


def test_a_job_that_does_not_start_in_the_run_runs_in_its_shadow_as_long_as_is_expected() -> None:
    jobs = JobColumns.of([0, 1, 2], [50, 50, 50], [32, 32, 32], [90, 90, 90], ["u"] * 3)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED))
    shadow = Shadow(replay, PROCS, EASY)
    for job in range(3):
        shadow.expect(job, 20.0)
    shadow.advance_to(1000)
    assert [shadow.start_of(job) for job in range(3)] == [0, 20, 40]


@pytest.mark.parametrize("seed", range(4))
def test_once_all_is_known_a_shadow_is_the_built_ins_schedule_whatever_the_run_did(seed: int) -> None:
    """Beside a run in random order, and with run times expected at random."""
    chance = random.Random(seed)
    jobs = some_jobs(seed, 400)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED, order_asked=True))
    shadow = Shadow(replay, PROCS, EASY)
    while (asked := replay.next_question()) is not None:
        tell(shadow, replay)
        if isinstance(asked, Order):
            replay.reorder({job: chance.random() for job in asked.waiting})
        else:
            shadow.expect(asked.job, 1 + chance.random() * float(jobs.requested[asked.job]))
            shadow.advance_to(asked.now)
            replay.predict(asked.job, float(jobs.requested[asked.job]))
    tell(shadow, replay)
    for later in range(200):
        shadow.advance_to(1e7 + later)
    assert shadow.idle
    assert replay.start.tolist() != [shadow.start_of(job) for job in range(len(jobs))]
    assert [shadow.start_of(job) for job in range(len(jobs))] == start_times(jobs, PROCS, EASY).tolist()

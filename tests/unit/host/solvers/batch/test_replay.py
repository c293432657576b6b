"""The compiled loop against a second, plain implementation of the same rules, and answered from outside."""

from __future__ import annotations

import random

import numpy as np
import pytest

from host.solvers.batch.replay import (
    JobColumns,
    Order,
    Predict,
    Replay,
    bounded_slowdowns,
    start_times,
)
from host.solvers.batch.rules import EASY, EASY_CLAIRVOYANT, EASY_PLUS_PLUS, RULES, Predictor, Rules

PROCS = 32


def some_jobs(seed: int, count: int = 150) -> JobColumns:
    chance = random.Random(seed)
    submit, now = [], 0
    for _ in range(count):
        now += chance.choice([0, 0, 1, 5, 40])
        submit.append(now)
    run = [chance.choice([0, 3, 30, 200, 900]) + chance.randrange(20) for _ in range(count)]
    requested = [max(1, each * chance.choice([1, 1, 2, 10])) for each in run]
    procs = [chance.choice([1, 1, 2, 8, 16, 32]) for _ in range(count)]
    return JobColumns.of(submit, run, procs, requested, [chance.randrange(5) for _ in range(count)])


def plain_easy(jobs: JobColumns, run: np.ndarray) -> list[float]:
    """EASY, from its description: at each event, the head in turn, then those that do not delay the next head."""
    start = [-1.0] * len(jobs)
    waiting: list[int] = []
    running: list[tuple[float, int, int]] = []  # planned end, processors, job

    def pass_at(now: float) -> list[int]:
        begun = []
        free = PROCS - sum(procs for end, procs, _ in running if end > now)
        while waiting and jobs.procs[waiting[0]] <= free:
            begun.append(waiting.pop(0))
            free -= jobs.procs[begun[-1]]
            running.append((now + run[begun[-1]], jobs.procs[begun[-1]], begun[-1]))
        if waiting:
            need, reach, shadow = jobs.procs[waiting[0]], free, now
            for end, procs, _ in sorted(running):
                if end > now and reach < need:
                    reach, shadow = reach + procs, end
            spare = PROCS - sum(procs for end, procs, _ in running if end > shadow) - need
            for job in waiting[1:]:
                if jobs.procs[job] > free:
                    continue
                if now + run[job] > shadow:
                    if jobs.procs[job] > spare:
                        continue
                    spare -= jobs.procs[job]
                free -= jobs.procs[job]
                begun.append(job)
                running.append((now + run[job], jobs.procs[job], job))
            waiting[:] = [job for job in waiting if job not in begun]
        for job in begun:
            start[job] = now
        return begun

    events = [(float(at), 1, job) for job, at in enumerate(jobs.submit)]
    order = 0
    while events:
        events.sort()
        now, kind, job = events.pop(0)
        begun: list[int] = []
        if kind == 1:
            waiting.append(job)
            if PROCS - sum(procs for end, procs, _ in running if end > now) >= jobs.procs[job]:
                begun = pass_at(now)
        else:
            job = job % 10_000
            running[:] = [each for each in running if each[2] != job]
            begun = pass_at(now)
        for each in begun:
            order += 1
            events.append((now + float(jobs.run[each]), 2, order * 10_000 + each))
    return start


@pytest.mark.parametrize("seed", range(4))
def test_clairvoyant_easy_starts_each_job_as_the_plain_description_does(seed: int) -> None:
    jobs = some_jobs(seed)
    assert start_times(jobs, PROCS, EASY_CLAIRVOYANT).tolist() == plain_easy(jobs, jobs.run)


@pytest.mark.parametrize("seed", range(4))
def test_easy_plans_with_the_requested_times(seed: int) -> None:
    jobs = some_jobs(seed)
    assert start_times(jobs, PROCS, EASY).tolist() == plain_easy(jobs, jobs.requested)


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("seed", range(3))
def test_no_schedule_starts_a_job_early_or_uses_more_than_the_machine(name: str, seed: int) -> None:
    jobs = some_jobs(seed)
    start = start_times(jobs, PROCS, RULES[name])
    assert (start >= jobs.submit).all()
    # Within one second an end may be taken after a start that counted on it, so spans are looked at between seconds.
    for at in np.unique(start) + 0.5:
        used = jobs.procs[(start <= at) & (start + jobs.run > at)].sum()
        assert used <= PROCS


def test_a_job_that_outlives_its_prediction_is_corrected_and_delays_nobody_for_ever() -> None:
    # Two short jobs teach the predictor 10 s; the third runs for an hour and holds the machine meanwhile.
    jobs = JobColumns.of([0, 20, 40, 50], [10, 10, 3600, 5], [32, 32, 32, 32], [7200] * 4, ["u"] * 4)
    assert start_times(jobs, PROCS, EASY_PLUS_PLUS).tolist() == [0, 20, 40, 3640]


def test_slowdowns_are_bounded_below_by_one_and_by_ten_seconds() -> None:
    jobs = JobColumns.of([0, 0], [1, 100], [1, 1], [9, 900], ["u", "u"])
    assert bounded_slowdowns(jobs, np.array([0.0, 50.0])).tolist() == [1.0, 1.5]
    assert bounded_slowdowns(jobs, np.array([19.0, 0.0])).tolist() == [2.0, 1.0]


def drive(replay: Replay, order: bool) -> np.ndarray:
    """Answers with requested times and the order of arrival: what EASY itself does."""
    while (asked := replay.next_question()) is not None:
        if isinstance(asked, Predict):
            replay.predict(asked.job, float(replay.jobs.requested[asked.job]))
        else:
            assert isinstance(asked, Order) and order
            assert asked.waiting == sorted(asked.waiting)
            replay.reorder(dict.fromkeys(asked.waiting, 0.0))
    return replay.start


@pytest.mark.parametrize("order", [False, True])
def test_an_adviser_who_says_what_easy_thinks_gets_the_schedule_of_easy(order: bool) -> None:
    jobs = some_jobs(7)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED, order_asked=order))
    assert drive(replay, order).tolist() == start_times(jobs, PROCS, EASY).tolist()


def test_the_job_with_the_highest_priority_starts_first() -> None:
    jobs = JobColumns.of([0, 1, 2], [100, 10, 10], [32, 32, 32], [100, 10, 10], ["u"] * 3)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED, order_asked=True))
    while (asked := replay.next_question()) is not None:
        if isinstance(asked, Predict):
            replay.predict(asked.job, 100.0)
        else:
            replay.reorder({job: float(job) for job in asked.waiting})
    assert replay.start.tolist() == [0, 110, 100]


def test_ended_jobs_are_told_once_and_in_the_order_in_which_they_ended() -> None:
    jobs = some_jobs(3)
    replay = Replay(jobs, PROCS, Rules("advised", Predictor.ASKED))
    told: list[int] = []
    while (asked := replay.next_question()) is not None:
        assert isinstance(asked, Predict)
        ended = replay.newly_ended()
        assert all(replay.start[job] + jobs.run[job] <= asked.now for job in ended)
        told.extend(ended)
        replay.predict(asked.job, float(jobs.requested[asked.job]))
    told.extend(replay.newly_ended())
    ends = [float(replay.start[job] + jobs.run[job]) for job in told]
    assert sorted(told) == list(range(len(jobs)))
    assert ends == sorted(ends)

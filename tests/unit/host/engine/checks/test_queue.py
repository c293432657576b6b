"""The queue's rules, its objective, and the promise shown for the head."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.queue import assess, bound, first_waiting, mean_bounded_slowdown, objective, verify
from host.solvers.projection import Machine, project
from host.solvers.queue import easy, fcfs
from host.solvers.stop import OutOfTimeError
from plugin_sdk.contract.problems.queue import QueueAnswer, parse_queue


def queue(*, jobs, running=(), procs=4, now=1000, reservations=()):
    return parse_queue(
        {
            "jobs": [dict(zip(("id", "submit", "procs", "requestedTime"), job, strict=True)) for job in jobs],
            "running": [
                dict(zip(("id", "procs", "start", "requestedTime"), job, strict=True)) for job in running
            ],
            "cluster": {"procs": procs},
            "now": now,
            "reservations": [{"job": job, "start": start} for job, start in reservations],
        }
    )


RUNNING = [("r", 2, 900, 200)]  # ends at 1100
PROBLEM = queue(jobs=[("a", 0, 2, 50), ("b", 10, 1, 500)], running=RUNNING, reservations=[("a", 1000)])


@pytest.mark.parametrize(
    ("start", "order", "rule"),
    [
        (["c"], ["a", "b"], 'start has job "c", which does not wait in the request'),
        (["a", "a"], ["a", "b"], 'job "a" stands twice in start'),
        (["a"], ["a", "a"], 'job "a" stands twice in order'),
        (["a"], ["a"], 'order lacks job "b"'),
        (["a", "b"], ["a", "b"], "the jobs in start need 3 processors but 2 are free"),
        (["b"], ["b", "a"], 'job "a" would start at 1100 but was promised 1000 at the latest'),
    ],
)
def test_a_broken_rule_is_named_with_the_thing_and_the_value(start, order, rule):
    assert verify(PROBLEM, QueueAnswer(start, order)).broken == rule


def test_an_answer_that_keeps_the_rules_is_fine():
    assert verify(PROBLEM, QueueAnswer(["a"], ["a", "b"])).ok


def test_starting_nothing_on_an_idle_cluster_is_refused():
    problem = queue(jobs=[("a", 0, 2, 50)])
    assert (
        verify(problem, QueueAnswer([], ["a"])).broken
        == "nothing runs and start is empty, so the queue would stand still"
    )


def test_the_objective_is_the_mean_of_the_slowdowns_with_a_floor_of_ten_seconds():
    problem = queue(jobs=[("long", 0, 4, 40_000), ("short", 0, 4, 1_000)], now=20_000)
    # long: waited 20 s of 40: 1.5; short: starts at 60 s, (60 + 1) / 10 = 6.1
    assert objective(problem, QueueAnswer(["long"], ["long", "short"])) == pytest.approx(((1.5 + 6.1) / 2,))


def test_leaving_processors_idle_is_allowed_but_costs():
    problem = queue(jobs=[("a", 0, 2, 50_000)], running=[("r", 2, 0, 9_000)], now=1000)
    assert verify(problem, QueueAnswer([], ["a"])).ok
    assert objective(problem, QueueAnswer([], ["a"])) > objective(problem, QueueAnswer(["a"], ["a"]))


@st.composite
def queues(draw):
    jobs = [
        (f"j{n}", draw(st.integers(0, 1000)), draw(st.integers(1, 4)), draw(st.integers(0, 90_000)))
        for n in range(draw(st.integers(1, 6)))
    ]
    running = [("r", draw(st.integers(1, 4)), draw(st.integers(0, 1000)), draw(st.integers(0, 90_000)))]
    return queue(jobs=jobs, running=running if draw(st.booleans()) else ())


@settings(deadline=None, max_examples=200)
@given(problem=queues(), chance=st.randoms(use_true_random=False))
def test_any_order_and_any_start_that_fits_is_fine_and_not_below_the_bound(problem, chance):
    order = [job.id for job in problem.jobs]
    chance.shuffle(order)
    free, start = problem.free_procs, []
    for job in problem.jobs:
        if job.procs <= free and (chance.random() < 0.5 or not (problem.running or start)):
            start.append(job.id)
            free -= job.procs
    if not start and not problem.running:
        return
    found = assess(problem, QueueAnswer(start, order))
    assert found.verdict.ok
    assert found.objective is not None and found.objective[0] >= bound(problem)[0] >= 1.0


@settings(deadline=None, max_examples=200)
@given(problem=queues(), solve=st.sampled_from([easy, fcfs]))
def test_the_head_that_waits_is_shown_exactly_its_projected_start(problem, solve):
    answer = solve(problem)
    waiting = first_waiting(problem, answer)
    if waiting is not None:
        assert waiting[1] == project(problem, answer.order, answer.start)[waiting[0]]


@settings(deadline=None, max_examples=200)
@given(problem=queues())
def test_built_ins_keep_the_rules(problem):
    assert verify(problem, easy(problem)).ok
    assert verify(problem, fcfs(problem)).ok


def test_without_time_the_verdict_stands_unless_a_promise_is_in_question():
    problem = queue(jobs=[("a", 0, 2, 50), ("b", 10, 4, 500)], running=RUNNING)
    found = assess(problem, QueueAnswer(["a"], ["a", "b"]), lambda: True)
    assert found.verdict.ok and found.objective is None
    promised = queue(jobs=[("a", 0, 2, 50), ("b", 10, 4, 500)], running=RUNNING, reservations=[("b", 1100)])
    with pytest.raises(OutOfTimeError):
        assess(promised, QueueAnswer(["a"], ["a", "b"]), lambda: True)


def test_times_near_the_largest_float_stay_numbers():
    problem = queue(jobs=[("a", 0, 4, 1e308), ("b", 0, 4, 1e308), ("c", 0, 4, 1)])
    value = mean_bounded_slowdown(problem, project(problem, ["a", "b", "c"]))
    assert value < float("inf")
    assert Machine.at_now(problem).shadow(4, 1000) == (1000, 0)

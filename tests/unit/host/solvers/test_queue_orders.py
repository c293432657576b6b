"""The orders of a queue say what their sources say, and their answers are feasible like any other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.queue import assess, bound
from host.solvers.builtins import built_ins
from host.solvers.queue_orders import ORDERS
from host.solvers.stop import never
from plugin_sdk.contract.problems.queue import parse_queue

NOW = 1_000_000


def queue(*jobs, running=(), procs=8, reservations=()):
    return parse_queue(
        {
            "jobs": [
                {"id": name, "submit": submit, "procs": wide, "requestedTime": long, **more}
                for name, submit, wide, long, more in jobs
            ],
            "running": list(running),
            "cluster": {"procs": procs},
            "now": NOW,
            "reservations": list(reservations),
        }
    )


BUSY = [{"id": "r", "procs": 6, "start": 0, "requestedTime": NOW + 60_000}]
PROBLEM = queue(
    ("old", 0, 8, 100_000, {}),
    ("long", 500_000, 1, 90_000, {"predictedTime": 1_000}),
    ("short", 600_000, 2, 10_000, {}),
    ("wide", 700_000, 4, 12_000, {}),
    running=BUSY,
)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("sjf", ["short", "wide", "long", "old"]),
        ("saf", ["short", "wide", "long", "old"]),
        ("wfp3", ["short", "wide", "old", "long"]),
        ("f1", ["old", "long", "short", "wide"]),
        ("easy++", ["old", "long", "short", "wide"]),
    ],
)
def test_each_order_ranks_as_its_source_says(name, order):
    assert [job.id for job in ORDERS[name](PROBLEM, PROBLEM.jobs)] == order


def test_easy_plus_plus_fills_holes_with_the_shortest_predicted():
    solve = {each.name: each.solve for each in built_ins(PROBLEM, extra=ORDERS)}["easy++"]
    # "long" is predicted to be shorter still, but may run past the time that "old" is promised.
    assert solve(PROBLEM, never).start == ["short"]


@st.composite
def queues(draw):
    jobs = [
        (f"j{n}", draw(st.integers(0, NOW)), draw(st.integers(1, 8)), draw(st.integers(0, 200_000)), {})
        for n in range(draw(st.integers(1, 6)))
    ]
    promised = [{"job": name, "start": NOW + draw(st.integers(0, 400_000))} for name, *_ in jobs[:2]]
    return queue(*jobs, running=BUSY, reservations=promised if draw(st.booleans()) else [])


@settings(deadline=None, max_examples=80)
@given(problem=queues())
def test_whatever_the_order_the_answer_is_feasible_and_not_below_the_bound(problem):
    for built_in in built_ins(problem, extra=ORDERS):
        found = assess(problem, built_in.solve(problem, never))
        assert found.verdict.ok, (built_in.name, found.verdict.broken)
        assert bound(problem) <= found.objective


def test_when_time_is_up_they_have_no_answer_and_the_usual_ones_do():
    answers = {
        each.name: each.solve(PROBLEM, lambda: True) is not None for each in built_ins(PROBLEM, extra=ORDERS)
    }
    assert answers == {"easy": True, "fcfs": True, **dict.fromkeys(ORDERS, False)}

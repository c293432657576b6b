"""Scores of several as one ranking: normalised per decision, ties broken by the built-in, always the same way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.engine.blend import blended, normalised
from plugin_sdk.contract.problems.one_task import parse_one_task


def task(*loads):
    nodes = [{"id": f"n{n}", "cpuLoad": load, "memoryLoad": 0} for n, load in enumerate(loads)]
    return parse_one_task({"task": {"id": "t", "cpuRequired": 10, "memoryRequired": 0}, "nodes": nodes})


def best(scores):
    return scores.index(max(scores))


def test_among_equals_the_built_in_decides():
    assert best(blended(task(50, 20, 30), [([1, 1, 1], 1.0)])) == 1
    assert best(blended(task(20, 20), [([5, 5], 1.0)])) == 0


def test_a_large_scale_is_no_large_vote():
    loud, quiet = [0, 1e300, 0], [0.001, 0, 0]
    assert best(blended(task(50, 50, 50), [(loud, 1.0), (quiet, 1.5)])) == 0


def test_the_built_in_keeps_its_floor_however_many_collude():
    scores = blended(task(0, 95), [([0.9, 1.0], 1.0)] * 2 + [([1.0, 0.9], 1.0)] * 2)
    assert best(scores) == 0


@given(
    st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=6),
    st.floats(0.001, 1000),
)
def test_scores_keep_their_order_and_lie_between_zero_and_one(scores, scale):
    found = normalised(scores)
    assert all(0 <= each <= 1 for each in found)
    for one, first in zip(found, scores, strict=True):
        for other, second in zip(found, scores, strict=True):
            assert first > second or one <= other or first == second
    ranks = blended(task(*[1] * len(scores)), [(scores, scale)])
    assert sorted(ranks) == list(range(len(scores)))

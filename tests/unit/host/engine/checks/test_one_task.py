"""One task: the node exists; overload first, then the sum of loads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.checks.one_task import bound, objective, verify
from host.solvers.one_task import least_loaded
from plugin_sdk.contract.problems.one_task import OneTaskAnswer, parse_one_task

load = st.floats(0, 150, allow_nan=False)


@st.composite
def tasks(draw):
    nodes = [
        {"id": f"n{n}", "cpuLoad": draw(load), "memoryLoad": draw(load)}
        for n in range(draw(st.integers(1, 6)))
    ]
    return parse_one_task(
        {"task": {"id": "t", "cpuRequired": draw(load), "memoryRequired": draw(load)}, "nodes": nodes}
    )


@given(problem=tasks())
def test_the_built_in_meets_the_bound_and_no_node_is_below_it(problem):
    assert objective(problem, least_loaded(problem)) == bound(problem)
    assert all(objective(problem, OneTaskAnswer(node.id)) >= bound(problem) for node in problem.nodes)


def test_a_node_of_ones_own_is_refused_by_name():
    nodes = [{"id": "n", "cpuLoad": 0, "memoryLoad": 0}]
    problem = parse_one_task({"task": {"id": "t", "cpuRequired": 1, "memoryRequired": 1}, "nodes": nodes})
    assert verify(problem, OneTaskAnswer("elsewhere")).broken == 'node "elsewhere" is not in the request'
    assert verify(problem, OneTaskAnswer("n")).ok


@pytest.mark.parametrize(
    "constraints",
    [
        {"allowedNodes": ["a", "b"]},
        {"allowedNodes": {"t": ["b", "a"]}},
        {"pinned": "b"},
        {"pinned": {"t": "b"}},
    ],
)
def test_a_task_stays_on_the_nodes_it_is_allowed(constraints):
    nodes = [
        {"id": name, "cpuLoad": load, "memoryLoad": load} for name, load in [("a", 90), ("b", 50), ("c", 0)]
    ]
    data = {"task": {"id": "t", "cpuRequired": 5, "memoryRequired": 5}, "nodes": nodes}
    problem = parse_one_task(data, constraints)
    assert least_loaded(problem).node_id == "b"
    assert verify(problem, OneTaskAnswer("b")).ok
    assert "is not one of those allowed" in verify(problem, OneTaskAnswer("c")).broken
    assert bound(problem) == objective(problem, OneTaskAnswer("b"))
    for bad in ({"allowedNodes": ["z"]}, {"pinned": {"u": "a"}}, {"pinned": "a", "allowedNodes": ["b"]}):
        with pytest.raises(ValueError, match="constraints"):
            parse_one_task(data, bad)

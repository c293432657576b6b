"""The packing verifier agrees with a slow reading of the rules; the bound is never above the optimum."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.packing import bound, objective, verify
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, parse_packing

small = st.integers(0, 6)


@st.composite
def tiny(draw):
    items = [
        {"id": f"i{n}", "cpu": draw(small), "memory": draw(small)} for n in range(draw(st.integers(1, 4)))
    ]
    constraints = draw(st.sampled_from([None, {"maxNodes": 1}, {"maxNodes": 2}]))
    if draw(st.booleans()):
        return parse_packing({"items": items, "nodeCapacity": {"cpu": 5, "memory": draw(small)}}, constraints)
    nodes = [
        {
            "id": f"n{n}",
            "capacity": {"cpu": draw(st.integers(2, 6)), "memory": 5},
            "used": {"cpu": draw(st.integers(0, 2))},
        }
        for n in range(draw(st.integers(1, 3)))
    ]
    return parse_packing({"items": items, "nodes": nodes}, constraints)


def feasible(problem, places):
    """Whether items may lie at *places* (a node number each, `None` for nowhere), in exact arithmetic."""
    used = {place for place in places if place is not None}
    if problem.max_nodes is not None and len(used) > problem.max_nodes:
        return False
    for place in used:
        for resource in problem.resources:
            room = (
                problem.node_capacity[resource]
                if problem.nodes is None
                else problem.nodes[place].free(resource)
            )
            load = sum(
                Fraction(item.demand[resource])
                for item, at in zip(problem.items, places, strict=True)
                if at == place
            )
            if load > Fraction(room):
                return False
    return True


def as_answer(problem, places):
    names = [node.id for node in problem.nodes] if problem.nodes else [f"node-{n}" for n in range(1, 9)]
    nodes = [
        PackedNode(names[n], [item.id for item, at in zip(problem.items, places, strict=True) if at == n])
        for n in sorted({place for place in places if place is not None})
    ]
    return PackingAnswer(
        nodes, [item.id for item, at in zip(problem.items, places, strict=True) if at is None]
    )


@settings(deadline=None, max_examples=150)
@given(problem=tiny())
def test_the_verifier_agrees_with_brute_force_and_the_bound_is_below_every_feasible_answer(problem):
    count = len(problem.nodes) if problem.nodes else len(problem.items)
    least = bound(problem)
    for places in itertools.product([None, *range(count)], repeat=len(problem.items)):
        answer = as_answer(problem, places)
        assert verify(problem, answer).ok == feasible(problem, places)
        if feasible(problem, places):
            assert objective(problem, answer) == (places.count(None), len(set(places) - {None}))
            assert least <= objective(problem, answer)


PROBLEM = parse_packing(
    {"items": [{"id": "a", "cpu": 2}, {"id": "b", "cpu": 3}], "nodeCapacity": {"cpu": 4}}, {"maxNodes": 2}
)


@pytest.mark.parametrize(
    ("nodes", "unplaced", "rule"),
    [
        ({"x": ["a", "b"]}, [], 'node "x" is asked for 5 cpu but has 4'),
        ({"x": ["a"]}, [], 'item "b" is neither on a node nor in unplacedItems'),
        ({"x": ["a"], "y": ["a"]}, ["b"], 'item "a" stands twice, the second time in node "y"'),
        ({"x": ["a"]}, ["a", "b"], 'item "a" stands twice, the second time in unplacedItems'),
        ({"x": ["a", "c"]}, ["b"], 'node "x" has item "c", which is not in the request'),
    ],
)
def test_a_broken_rule_is_named_with_the_thing_and_the_value(nodes, unplaced, rule):
    answer = PackingAnswer([PackedNode(name, items) for name, items in nodes.items()], unplaced)
    assert verify(PROBLEM, answer).broken == rule


def test_a_node_that_stands_twice_cannot_hide_its_load():
    answer = PackingAnswer([PackedNode("x", ["a"]), PackedNode("x", ["b"])], [])
    assert verify(PROBLEM, answer).broken == 'node "x" stands twice'


def test_a_node_that_was_not_given_is_refused():
    problem = parse_packing(
        {"items": [{"id": "a", "cpu": 2}], "nodes": [{"id": "n", "capacity": {"cpu": 4}}]}
    )
    assert (
        verify(problem, PackingAnswer([PackedNode("m", ["a"])], [])).broken
        == 'node "m" is not in the request'
    )


def test_a_sum_over_the_capacity_by_rounding_only_is_fine_and_by_more_is_not():
    def three(size):
        problem = parse_packing(
            {"items": [{"id": str(n), "cpu": size} for n in range(3)], "nodeCapacity": {"cpu": 0.3}}
        )
        return verify(problem, PackingAnswer([PackedNode("n", ["0", "1", "2"])], []))

    assert three(0.1).ok
    assert not three(0.1000001).ok


def test_items_of_more_than_half_a_node_need_one_each():
    items = [{"id": str(n), "cpu": 5.1} for n in range(4)]
    assert bound(parse_packing({"items": items, "nodeCapacity": {"cpu": 10}})) == (0, 4)


def test_a_sum_that_overflows_is_over_the_capacity():
    problem = parse_packing(
        {"items": [{"id": n, "cpu": 1.7e308} for n in "abc"], "nodeCapacity": {"cpu": 1.7e308}}
    )
    assert not verify(problem, PackingAnswer([PackedNode("n", ["a", "b"])], ["c"])).ok
    assert bound(problem) <= (0, 3)

"""First-fit and best-fit decreasing: feasible, near the bound, and always with an answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.packing import bound, objective, verify
from host.solvers.packing import best_fit_decreasing, first_fit_decreasing
from plugin_sdk.contract.problems.packing import parse_packing

SOLVERS = [first_fit_decreasing, best_fit_decreasing]
amounts = st.one_of(st.integers(0, 12), st.floats(0, 12, allow_nan=False))


@st.composite
def packings(draw, most_items: int = 12):
    items = [
        {"id": f"i{n}", "cpu": draw(amounts), "memory": draw(amounts)}
        for n in range(draw(st.integers(1, most_items)))
    ]
    constraints = draw(st.sampled_from([None, {"maxNodes": 1}, {"maxNodes": 3}]))
    if draw(st.booleans()):
        return parse_packing({"items": items, "nodeCapacity": {"cpu": 10, "memory": 7.5}}, constraints)
    nodes = [
        {"id": f"n{n}", "capacity": {"cpu": 3 + n * 4, "memory": 9}, "used": {"cpu": draw(st.integers(0, 3))}}
        for n in range(draw(st.integers(1, 4)))
    ]
    return parse_packing({"items": items, "nodes": nodes}, constraints)


@pytest.mark.parametrize("solve", SOLVERS)
@settings(deadline=None)
@given(problem=packings())
def test_every_answer_is_feasible_and_not_below_the_bound(solve, problem):
    answer = solve(problem)
    assert verify(problem, answer).broken is None
    assert objective(problem, answer) >= bound(problem)


@pytest.mark.parametrize("solve", SOLVERS)
def test_items_that_fill_nodes_exactly_despite_the_rounding_of_floats_share_them(solve):
    items = [{"id": str(n), "cpu": 0.1} for n in range(20)]
    problem = parse_packing({"items": items, "nodeCapacity": {"cpu": 1.0}})
    assert objective(problem, solve(problem)) == (0, 2) == bound(problem)


@pytest.mark.parametrize("solve", SOLVERS)
def test_opened_nodes_are_numbered_from_one_without_gaps(solve):
    items = [{"id": str(n), "cpu": 6} for n in range(4)]
    answer = solve(parse_packing({"items": items, "nodeCapacity": {"cpu": 10}}))
    assert [node.id for node in answer.nodes] == ["node-1", "node-2", "node-3", "node-4"]


@pytest.mark.parametrize("solve", SOLVERS)
def test_when_nodes_are_few_many_small_items_are_placed_rather_than_one_large(solve):
    items = [{"id": "large", "cpu": 10}, *({"id": str(n), "cpu": 1} for n in range(10))]
    problem = parse_packing({"items": items, "nodeCapacity": {"cpu": 10}}, {"maxNodes": 1})
    assert solve(problem).unplaced == ["large"]


@pytest.mark.parametrize("solve", SOLVERS)
def test_an_item_too_large_for_any_node_is_left_and_the_others_are_placed(solve):
    items = [{"id": "huge", "cpu": 11}, {"id": "a", "cpu": 5}, {"id": "b", "cpu": 5}]
    answer = solve(parse_packing({"items": items, "nodeCapacity": {"cpu": 10}}))
    assert answer.unplaced == ["huge"]
    assert [sorted(node.items) for node in answer.nodes] == [["a", "b"]]


def test_first_fit_is_within_the_proven_factor_of_the_optimum_in_one_resource():
    """FFD uses at most 11/9 OPT + 6/9 bins. Source: Dosa (2007). The sizes are brute-forced."""
    for sizes in itertools.combinations_with_replacement((2, 3, 4, 5, 6), 6):
        items = [{"id": str(n), "cpu": size} for n, size in enumerate(sizes)]
        used = len(first_fit_decreasing(parse_packing({"items": items, "nodeCapacity": {"cpu": 10}})).nodes)
        assert 9 * used <= 11 * fewest_bins(sizes, 10) + 6


def fewest_bins(sizes, capacity):
    def place(rest, loads):
        if not rest:
            return len(loads)
        best = len(sizes)
        for i, load in enumerate(loads):
            if load + rest[0] <= capacity:
                best = min(best, place(rest[1:], [*loads[:i], load + rest[0], *loads[i + 1 :]]))
        return min(best, place(rest[1:], [*loads, rest[0]]))

    return place(sorted(sizes, reverse=True), [])


def test_out_of_time_first_fit_still_answers_and_best_fit_does_not():
    items = [{"id": str(n), "cpu": 1 + n % 7} for n in range(1000)]
    problem = parse_packing({"items": items, "nodeCapacity": {"cpu": 10}})
    hurried = first_fit_decreasing(problem, lambda: True)
    assert verify(problem, hurried).ok
    assert hurried.unplaced == []
    assert best_fit_decreasing(problem, lambda: True) is None


def test_amounts_near_the_largest_float_are_packed_like_any_other():
    items = [{"id": "a", "cpu": 1e308}, {"id": "b", "cpu": 1e308}]
    problem = parse_packing({"items": items, "nodeCapacity": {"cpu": 1.7e308}})
    answer = first_fit_decreasing(problem)
    assert verify(problem, answer).ok
    assert len(answer.nodes) == 2

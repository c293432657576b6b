"""CP-SAT against brute force: what it finds is feasible and best, and its bound is never above the best."""

from __future__ import annotations

import itertools
import time

import pytest

pytest.importorskip("ortools", reason="ORTOOLS IS MISSING: pip install 'engine-ops[solve]'")

from host.engine.checks import packing, placement
from host.solvers.packing import first_fit_decreasing
from host.solvers.pods.solve import fgd_pods
from host.solvers.refine.model import solve
from host.solvers.refine.task import packing_answer, packing_task, placement_answer, placement_task
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, parse_packing
from plugin_sdk.contract.problems.placement import PlacementAnswer, parse_placement


def soon(seconds=30.0):
    return time.monotonic() + seconds


def best_of_all(problem, nodes):
    """The best objective over every assignment that the verifier passes."""
    found = []
    for places in itertools.product([None, *nodes], repeat=len(problem.items)):
        held = {
            node: [i.id for i, at in zip(problem.items, places, strict=True) if at == node] for node in nodes
        }
        answer = PackingAnswer(
            [PackedNode(node, items) for node, items in held.items() if items],
            [i.id for i, at in zip(problem.items, places, strict=True) if at is None],
        )
        if packing.verify(problem, answer).ok:
            found.append(packing.objective(problem, answer))
    return min(found)


CASES = [
    ([4, 4, 3, 3, 2, 2], {}),
    ([4, 4, 3, 3, 2, 2], {"maxNodes": 2}),
    ([5, 3, 3, 2], {"antiAffinity": [["i0", "i3"]], "affinity": [["i1", "i3"]]}),
    ([5, 3, 3, 2], {"allowedNodes": {"i0": ["n1"], "i1": ["n1"]}, "maxNodes": 2}),
    ([5, 3, 3], {"pinned": {"i2": "n2"}}),
]


@pytest.mark.parametrize(("sizes", "rules"), CASES)
def test_a_packing_is_solved_to_the_best_there_is(sizes, rules):
    nodes = ["n0", "n1", "n2"]
    problem = parse_packing(
        {
            "items": [{"id": f"i{n}", "cpu": size} for n, size in enumerate(sizes)],
            "nodes": [{"id": node, "capacity": {"cpu": 7}} for node in nodes],
        },
        rules,
    )
    task, ids = packing_task(problem, first_fit_decreasing(problem), soon())
    found = solve(task)
    answer = packing_answer(problem, found, ids)
    assert packing.verify(problem, answer).ok
    best = best_of_all(problem, nodes)
    assert packing.objective(problem, answer) == best == tuple(map(float, found.bound))
    assert not found.out_of_time


def test_nodes_that_are_opened_are_no_more_than_the_answer_in_hand_has():
    sizes = [44, 24, 24, 22, 21, 17, 8, 8, 6, 6]
    problem = parse_packing(
        {"items": [{"id": f"i{n}", "cpu": size} for n, size in enumerate(sizes)], "nodeCapacity": {"cpu": 61}}
    )
    hint = first_fit_decreasing(problem)
    task, ids = packing_task(problem, hint, soon())
    assert len(ids) == len(hint.nodes) == 4
    answer = packing_answer(problem, solve(task), ids)
    assert packing.verify(problem, answer).ok and len(answer.nodes) == 3


def test_pods_that_a_heuristic_leaves_out_are_placed_where_that_can_be():
    milli = [600, 500, 500, 400]
    problem = parse_placement(
        {
            "pods": [{"id": f"p{n}", "cpu": 1, "gpu": {"milli": each}} for n, each in enumerate(milli)],
            "nodes": [{"id": "a", "cpu": 9, "gpus": 2}],
        }
    )
    nothing = PlacementAnswer([], [pod.id for pod in problem.pods])
    task, ids = placement_task(problem, nothing, soon())
    answer = placement_answer(problem, solve(task), ids)
    assert placement.verify(problem, answer).ok and not answer.unplaced
    assert placement_task(problem, fgd_pods(problem), soon()) is None or fgd_pods(problem).unplaced


def test_without_time_nothing_is_found_and_that_is_said():
    problem = parse_packing({"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}})
    task, _ = packing_task(problem, first_fit_decreasing(problem), time.monotonic() - 1)
    found = solve(task)
    assert found.out_of_time and not found.node_of


def test_what_is_too_large_or_has_priorities_is_not_tried():
    items = [{"id": f"{n}", "cpu": 1} for n in range(400)]
    large = parse_packing(
        {"items": items, "nodes": [{"id": f"n{n}", "capacity": {"cpu": 5}} for n in range(100)]}
    )
    assert packing_task(large, first_fit_decreasing(large), soon()) is None
    ranked = parse_packing({"items": items[:2], "nodeCapacity": {"cpu": 1}}, {"priority": {"0": 1}})
    assert packing_task(ranked, first_fit_decreasing(ranked), soon()) is None

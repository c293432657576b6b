"""The placement verifier agrees with a slow reading of the rules; the bound is never above the optimum."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.placement import bound, objective, verify
from plugin_sdk.contract.problems.placement import Placement, PlacementAnswer, parse_placement


@st.composite
def tiny(draw):
    def gpu():
        count = draw(st.integers(0, 2))
        asked = {"count": count, "milli": draw(st.sampled_from([300, 500, 1000]))}
        return {**asked, "models": ["T4"]} if draw(st.booleans()) else asked

    pods = [
        {"id": f"p{n}", "cpu": draw(st.integers(0, 4)), "memory": draw(st.integers(0, 3)), "gpu": gpu()}
        for n in range(draw(st.integers(1, 3)))
    ]
    nodes = [
        {
            "id": f"n{n}",
            "cpu": draw(st.integers(1, 5)),
            "memory": 4,
            "gpus": draw(st.lists(st.sampled_from([200, 500, 1000]), max_size=2)),
            "gpuModel": draw(st.sampled_from(["T4", "V100"])),
        }
        for n in range(draw(st.integers(1, 2)))
    ]
    return parse_placement({"pods": pods, "nodes": nodes})


def answers(problem):
    """Every answer that names existing pods, nodes and GPUs, right or wrong."""

    def ways(pod):
        yield None
        for node in problem.nodes:
            count = pod.gpu.count if pod.gpu else 0
            for gpus in itertools.combinations(range(len(node.gpus)), count):
                yield node, list(gpus)

    for chosen in itertools.product(*(list(ways(pod)) for pod in problem.pods)):
        pairs = list(zip(problem.pods, chosen, strict=True))
        yield (
            pairs,
            PlacementAnswer(
                [Placement(pod.id, way[0].id, way[1]) for pod, way in pairs if way],
                [pod.id for pod, way in pairs if not way],
            ),
        )


def left(problem, pairs):
    """CPU, memory and milli by GPU that are left on each node, in exact arithmetic."""
    rooms = {}
    for node in problem.nodes:
        mine = [(pod, way[1]) for pod, way in pairs if way and way[0].id == node.id]
        cpu = Fraction(node.cpu) - sum(Fraction(pod.cpu) for pod, _ in mine)
        memory = Fraction(node.memory) - sum(Fraction(pod.memory) for pod, _ in mine)
        gpus = [
            free - sum(pod.gpu.milli for pod, used in mine if index in used)
            for index, free in enumerate(node.gpus)
        ]
        rooms[node.id] = (cpu, memory, gpus, node.gpu_model)
    return rooms


def feasible(problem, pairs):
    for pod, way in pairs:
        if way and pod.gpu and pod.gpu.models and way[0].gpu_model not in pod.gpu.models:
            return False
    return all(
        cpu >= 0 and memory >= 0 and all(each >= 0 for each in gpus)
        for cpu, memory, gpus, _ in left(problem, pairs).values()
    )


def fragments(problem, pairs):
    """What the definition says, node by node and class by class."""
    lost = 0.0
    for cpu, _, gpus, model in left(problem, pairs).values():
        for typical in problem.typical:
            asked = typical.gpu
            able = (
                asked is not None
                and typical.cpu <= cpu
                and (not asked.models or model in asked.models)
                and len([each for each in gpus if each >= asked.milli]) >= asked.count
            )
            lost += typical.share * sum(each for each in gpus if not able or each < asked.milli)
    return lost


@settings(deadline=None, max_examples=120)
@given(problem=tiny())
def test_the_verifier_agrees_with_brute_force_and_the_bound_is_below_every_feasible_answer(problem):
    least = bound(problem)
    for pairs, answer in answers(problem):
        assert verify(problem, answer).ok == feasible(problem, pairs)
        if feasible(problem, pairs):
            unplaced, fragmented = objective(problem, answer)
            assert unplaced == len(answer.unplaced)
            assert fragmented == pytest.approx(fragments(problem, pairs), abs=1e-5)
            assert least <= (unplaced, fragmented + 1e-5)


PROBLEM = parse_placement(
    {
        "pods": [
            {"id": "share", "cpu": 1, "memory": 1, "gpu": {"count": 1, "milli": 500}},
            {"id": "whole", "cpu": 1, "memory": 1, "gpu": {"count": 1, "models": ["A100"]}},
        ],
        "nodes": [
            {"id": "a", "cpu": 4, "memory": 4, "gpus": 2, "gpuModel": "A100"},
            {"id": "t", "cpu": 1, "memory": 4, "gpus": [400, 1000], "gpuModel": "T4"},
        ],
    }
)
WHOLE = Placement("whole", "a", [1])


@pytest.mark.parametrize(
    ("placements", "unplaced", "rule"),
    [
        ([Placement("share", "a", [0]), WHOLE], [], None),
        ([Placement("share", "a", [1]), WHOLE], [], "GPU 1 of node .a. is asked for 1500 milli but has 1000"),
        ([Placement("share", "t", [0]), WHOLE], [], "GPU 0 of node .t. is asked for 500 milli but has 400"),
        ([Placement("share", "t", [2]), WHOLE], [], "has GPU 2, but the node has 2, counted from 0"),
        ([Placement("share", "t", [-1]), WHOLE], [], "has GPU -1"),
        ([Placement("share", "t"), WHOLE], [], "has 0 GPUs but needs 1"),
        ([Placement("whole", "t", [1])], ["share"], "of model .T4. but needs A100"),
        ([WHOLE, WHOLE], ["share"], "pod .whole. is placed twice"),
        ([WHOLE], ["share", "whole"], "pod .whole. stands twice, the second time in unplaced"),
        ([WHOLE], [], "pod .share. is neither placed nor in unplaced"),
        ([Placement("ghost", "a")], [], "pod .ghost., which is not in the request"),
        ([Placement("whole", "moon", [0])], [], "node .moon., which is not in the request"),
    ],
)
def test_a_broken_rule_is_named(placements, unplaced, rule):
    import re

    verdict = verify(PROBLEM, PlacementAnswer(placements, unplaced))
    assert verdict.ok if rule is None else re.search(rule, verdict.broken or "")

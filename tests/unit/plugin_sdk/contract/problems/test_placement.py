"""Pods and nodes as callers write them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from plugin_sdk.contract.problems import ProblemError
from plugin_sdk.contract.problems.placement import GpuAsk, parse_placement

POD = {"id": "p", "cpu": 1, "memory": 2, "gpu": {"count": 1, "milli": 500}}
NODE = {"id": "n", "cpu": 8, "memory": 16, "gpus": 2, "gpuModel": "T4"}


@pytest.mark.parametrize(
    ("node", "cpu", "memory", "gpus"),
    [
        ({"cpu": 8, "memory": 16}, 8, 16, ()),
        ({"cpu": 8, "memory": 16, "gpus": 2}, 8, 16, (1000, 1000)),
        ({"cpu": 8, "memory": 16, "gpus": [500, 0, 1000]}, 8, 16, (500, 0, 1000)),
        ({"cpu": 8, "memory": 16, "gpus": [{"free": 500}]}, 8, 16, (500,)),
        (
            {"cpu": 8, "memory": 16, "gpus": 2, "used": {"cpu": 3, "memory": 1, "gpus": [250]}},
            5,
            15,
            (750, 1000),
        ),
        ({"cpu": 8, "memory": 16, "gpus": 2, "used": {"gpus": 1}}, 8, 16, (0, 1000)),
        ({"cpu": 8, "memory": 16, "gpu": 2}, 8, 16, (1000, 1000)),
        ({"cpu": 8, "memory": 16, "gpu": {"count": 2, "milli": 400}}, 8, 16, (400, 400)),
        (
            {"capacity": {"cpu": 8, "memory": 16, "gpus": 1}, "used": {"cpu": 8}, "zone": "b"},
            0,
            16,
            (1000,),
        ),
    ],
)
def test_a_node_is_read_as_what_is_free_of_it(node, cpu, memory, gpus) -> None:
    found = parse_placement({"pods": [POD], "nodes": [{"id": "n", **node}]}).nodes[0]
    assert (found.cpu, found.memory, found.gpus) == (cpu, memory, gpus)


@pytest.mark.parametrize(
    "node",
    [
        {"cpu": 8, "gpus": 1, "gpuModel": "T4"},
        {"capacity": {"cpu": 8, "gpus": 1}, "gpuModel": "T4"},
        {"capacity": {"cpu": 8, "gpus": 1, "gpuModel": "T4"}},
        {"cpu": 8, "gpu": {"count": 1, "model": "T4"}},
    ],
)
def test_the_model_of_a_nodes_gpus_may_stand_wherever_its_gpus_do(node: dict[str, Any]) -> None:
    assert parse_placement({"pods": [POD], "nodes": [{"id": "n", **node}]}).nodes[0].gpu_model == "T4"


def test_a_pod_asks_for_whole_gpus_unless_it_says_how_much_of_each() -> None:
    pods = [
        {"id": "a", "cpu": 1, "memory": 0, "gpu": {"count": 2, "models": ["T4", "A10"]}},
        {"id": "b", "cpu": 1, "gpu": {"milli": 300}},
        {"id": "c", "cpu": 1, "gpu": {"count": 0, "milli": 0}},
    ]
    asked = [pod.gpu for pod in parse_placement({"pods": pods, "nodes": [NODE]}).pods]
    assert asked == [GpuAsk(2, 1000, ("T4", "A10")), GpuAsk(1, 300), None]


def test_typical_pods_are_the_most_frequent_classes_unless_given() -> None:
    pods = [{"id": f"{n}", "cpu": 1 if n < 39 else 2} for n in range(40)]
    found = parse_placement({"pods": pods, "nodes": [NODE]}).typical
    assert [(each.cpu, each.share) for each in found] == [(1, 1.0)]
    given = [{"cpu": 4, "gpu": {"count": 1}, "share": 3}, {"cpu": 1, "share": 1}]
    said = parse_placement({"pods": pods, "nodes": [NODE], "typicalPods": given}).typical
    assert [(each.cpu, each.gpu, each.share) for each in said] == [
        (4, GpuAsk(1, 1000), 0.75),
        (1, None, 0.25),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pods": [{**POD, "gpu": {"milli": 1500}}]}, r"pods\[0\].gpu.milli is 1500; give an integer from 0"),
        ({"pods": [{**POD, "gpu": {"milli": float("nan")}}]}, r"pods\[0\].gpu.milli is"),
        ({"pods": [{**POD, "gpu": {"kount": 1}}]}, r"pods\[0\].gpu.kount is 1; .*did you mean 'count'"),
        ({"pods": [{**POD, "gpu": 1}]}, r"pods\[0\].gpu is 1; give an object such as"),
        ({"pods": [{**POD, "gpu": {"models": 3}}]}, r"pods\[0\].gpu.models is 3; give a list of names"),
        ({"pods": [{"id": "p", "memory": 1}]}, r"pods\[0\].cpu is missing"),
        ({"pods": [POD, POD]}, r"pods\[1\].id is \"p\"; give an id of its own"),
        ({"nodes": [{**NODE, "gpus": -1}]}, r"nodes\[0\].gpus is -1; give an integer"),
        ({"nodes": [{**NODE, "gpus": "two"}]}, r"nodes\[0\].gpus is \"two\"; give how many"),
        ({"nodes": [{**NODE, "gpuz": 2}]}, r"nodes\[0\].gpuz is 2; .*did you mean"),
        ({"nodes": [{**NODE, "used": {"cpu": 9}}]}, r"nodes\[0\].used.cpu is 9.*at most what it has, 8"),
        ({"nodes": [{**NODE, "used": {"gpus": [1001]}}]}, r"used.gpus\[0\] is 1001; give an integer from 0"),
        ({"nodes": []}, "data.nodes is"),
        ({"typicalPods": [{"cpu": 1, "share": 0}]}, r"typicalPods\[0\].share is 0; give a number above 0"),
    ],
)
def test_a_malformed_placement_names_path_value_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        parse_placement({"pods": [POD], "nodes": [NODE], **change})


def test_a_constraint_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"constraints.soon"):
        parse_placement({"pods": [POD], "nodes": [NODE]}, {"soon": True})

from __future__ import annotations

from typing import Any

import pytest

from plugin_sdk.contract.problems import ProblemError, parse_packing

NODE = {"id": "n", "capacity": {"cpu": 4}}


def test_a_resource_an_item_does_not_name_is_a_demand_of_zero() -> None:
    problem = parse_packing({"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2, "gpu": 1}})
    assert problem.items[0].demand == {"cpu": 1.0, "gpu": 0.0}
    assert problem.resources == ("cpu", "gpu")


def test_given_nodes_know_what_is_free() -> None:
    node = {**NODE, "used": {"cpu": 3}}
    problem = parse_packing({"items": [{"id": "a", "cpu": 1}], "nodes": [node]}, {"maxNodes": 1})
    assert problem.nodes is not None
    assert problem.nodes[0].free("cpu") == 1.0
    assert problem.max_nodes == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": []}, r"data.items is \[\]; give a list of at least one object"),
        ({"items": [{"id": "a", "cpu": -1}]}, r"data.items\[0\].cpu is -1; give a number of 0 or more"),
        ({"items": [{"id": "a", "cpu": float("nan")}]}, r"data.items\[0\].cpu is"),
        (
            {"items": [{"id": "a", "cpu": 1}, {"id": "a", "cpu": 1}]},
            r"data.items\[1\].id is \"a\"; give an id of",
        ),
        ({"items": [{"id": "a", "cpus": 1}]}, r"data.items\[0\].cpus is 1; .*did you mean 'cpu'"),
        ({"items": [{"id": "a"}]}, r"data.items\[0\] is .*amount of at least one of cpu"),
        ({"items": [{"cpu": 1}]}, r"data.items\[0\].id is missing"),
        ({"nodeCapacity": {}}, "data.nodeCapacity is {}; give an object of amounts"),
        ({"nodes": [NODE]}, "either nodes or nodeCapacity, not both"),
    ],
)
def test_a_malformed_packing_names_path_value_and_remedy(change: dict[str, Any], message: str) -> None:
    data = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}, **change}
    with pytest.raises(ProblemError, match=message):
        parse_packing(data)


@pytest.mark.parametrize(
    ("used", "message"),
    [({"cpu": 5}, "at most its capacity, 4"), ({"gpu": 1}, "resources of its capacity: cpu")],
)
def test_a_node_cannot_use_more_than_it_has(used: dict[str, float], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        parse_packing({"items": [{"id": "a", "cpu": 1}], "nodes": [{**NODE, "used": used}]})

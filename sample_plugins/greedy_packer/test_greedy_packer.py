from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk import Abstained
from plugin_sdk.contract.messages import OptimizeReply
from plugin_sdk.testing import PluginHarness, load_folder


@pytest.fixture(scope="module")
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent), config={"search_ms": 300})


def packed(harness: PluginHarness, data: dict[str, Any], **constraints: Any) -> dict[str, Any]:
    """The answer, after it was checked by the rules alone: each item once, no node over its capacity."""
    answer = harness.optimize({"type": "resource", "data": data, "constraints": constraints or None})
    assert isinstance(answer, OptimizeReply)
    items = {item["id"]: item for item in data["items"]}
    result: dict[str, Any] = answer.result
    named = [name for node in result["nodes"] for name in node["items"]] + result["unplacedItems"]
    assert sorted(named) == sorted(items)
    given = {node["id"]: node for node in data.get("nodes", ())}
    assert len({node["id"] for node in result["nodes"]}) == len(result["nodes"])
    for node in result["nodes"]:
        home = given[node["id"]] if given else {"capacity": data["nodeCapacity"]}
        for resource, capacity in home["capacity"].items():
            used = home.get("used", {}).get(resource, 0)
            assert sum(items[name].get(resource, 0) for name in node["items"]) + used <= capacity * (1 + 1e-9)
    return result


def first_fit_decreasing(data: dict[str, Any]) -> int:
    """How many nodes the textbook rule opens; written here on its own, to compare with."""
    capacity = data["nodeCapacity"]
    nodes: list[dict[str, float]] = []
    for item in sorted(data["items"], key=lambda each: -sum(each[r] / capacity[r] for r in capacity)):
        room = next((free for free in nodes if all(item[r] <= free[r] + 1e-9 for r in capacity)), None)
        if room is None:
            room = dict(capacity)
            nodes.append(room)
        for r in capacity:
            room[r] -= item[r]
    return len(nodes)


def triplets(count: int, seed: int) -> dict[str, Any]:
    """Items that fill *count* nodes exactly, three to a node, after Falkenauer (1996)."""
    chance = random.Random(seed)
    sizes: list[int] = []
    for _ in range(count):
        first = chance.randint(380, 490)
        second = chance.randint(251, (1000 - first) // 2)
        sizes += [first, second, 1000 - first - second]
    chance.shuffle(sizes)
    return {"items": [{"id": f"i{n}", "cpu": s} for n, s in enumerate(sizes)], "nodeCapacity": {"cpu": 1000}}


def two_resources(count: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    items = [
        {"id": f"i{n}", "cpu": chance.uniform(1, 6), "memory": chance.uniform(1, 24)} for n in range(count)
    ]
    return {"items": items, "nodeCapacity": {"cpu": 10, "memory": 40}}


def test_the_smallest_problem_is_solved(harness: PluginHarness) -> None:
    result = packed(harness, {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 1}})
    assert result == {"nodes": [{"id": "node-1", "items": ["a"]}], "unplacedItems": []}


def test_an_item_that_fits_nowhere_is_named_and_the_rest_is_packed(harness: PluginHarness) -> None:
    data = {"items": [{"id": "big", "cpu": 9}, {"id": "a", "cpu": 2}], "nodeCapacity": {"cpu": 4}}
    result = packed(harness, data)
    assert result["unplacedItems"] == ["big"]
    assert len(result["nodes"]) == 1


def test_no_more_nodes_are_opened_than_allowed(harness: PluginHarness) -> None:
    data = {"items": [{"id": str(n), "cpu": 3} for n in range(5)], "nodeCapacity": {"cpu": 4}}
    result = packed(harness, data, maxNodes=2)
    assert len(result["nodes"]) == 2
    assert len(result["unplacedItems"]) == 3


def test_sums_that_are_full_but_for_rounding_fit(harness: PluginHarness) -> None:
    data = {"items": [{"id": str(n), "cpu": 0.1} for n in range(30)], "nodeCapacity": {"cpu": 1.0}}
    assert len(packed(harness, data)["nodes"]) == 3


def test_what_is_used_on_given_nodes_stays_used(harness: PluginHarness) -> None:
    nodes = [
        {"id": "full", "capacity": {"cpu": 8, "gpu": 1}, "used": {"cpu": 8}},
        {"id": "plain", "capacity": {"cpu": 8}},
        {"id": "gpu", "capacity": {"cpu": 4, "gpu": 2}, "used": {"gpu": 1}},
    ]
    items = [{"id": "g", "gpu": 1, "cpu": 1}, {"id": "c", "cpu": 7}, {"id": "d", "cpu": 3}]
    result = packed(harness, {"items": items, "nodes": nodes})
    assert result["unplacedItems"] == []
    assert {node["id"] for node in result["nodes"]} == {"plain", "gpu"}


def test_it_uses_few_of_the_given_nodes(harness: PluginHarness) -> None:
    nodes = [{"id": f"s{n}", "capacity": {"cpu": 2}} for n in range(10)] + [
        {"id": "l", "capacity": {"cpu": 16}}
    ]
    items = [{"id": str(n), "cpu": 1} for n in range(16)]
    assert [node["id"] for node in packed(harness, {"items": items, "nodes": nodes})["nodes"]] == ["l"]


def test_it_saves_nodes_over_first_fit_decreasing_and_never_needs_more(harness: PluginHarness) -> None:
    problems = [triplets(20, seed) for seed in range(3)] + [two_resources(80, seed) for seed in range(3)]
    saved = [first_fit_decreasing(data) - len(packed(harness, data)["nodes"]) for data in problems]
    assert min(saved) >= 0
    assert sum(each > 0 for each in saved) >= 4


@pytest.mark.parametrize("seed", range(20))
def test_every_answer_keeps_the_rules(harness: PluginHarness, seed: int) -> None:
    chance = random.Random(seed)
    names = ["cpu", "memory", "disk"][: chance.randint(1, 3)]
    count = chance.randint(1, 25)
    items = [{"id": str(n), **{r: chance.choice([0, 0.1, 1, 2.5, 7]) for r in names}} for n in range(count)]
    capacity = {r: chance.choice([0, 3, 7.5]) for r in names}
    nodes = [{"id": f"n{n}", "capacity": {r: chance.choice([1, 8]) for r in names}} for n in range(6)]
    packed(
        harness,
        {"items": items, **({"nodes": nodes} if seed % 2 else {"nodeCapacity": capacity})},
        maxNodes=4,
    )


def test_it_stops_when_the_time_is_up(harness: PluginHarness) -> None:
    begun = time.monotonic()
    answer = harness.optimize({"type": "resource", "data": two_resources(2000, 1)})
    assert time.monotonic() - begun < 3  # 0.3 s of search, on a machine that others use too
    assert isinstance(answer, OptimizeReply | Abstained)


def test_other_requests_are_left_to_others(harness: PluginHarness) -> None:
    assert isinstance(harness.optimize({"type": "resource", "data": {"workload_size": 5}}), Abstained)

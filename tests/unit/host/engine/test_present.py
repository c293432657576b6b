"""The public result, rebuilt by the host."""

from __future__ import annotations

from host.engine.present import present, why_nothing_fits
from host.solvers.queue import easy
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem
from plugin_sdk.contract.problems.one_task import OneTaskAnswer
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer
from plugin_sdk.contract.problems.tuning import Suggestion, TuningAnswer


def problem(type_, data):
    return parse_problem(OptimizeRequest("r", type_, data))


def test_a_packed_node_shows_what_is_left_and_the_items_as_they_were_sent():
    items = [
        {"id": "a", "cpu": 1, "memory": 0.1, "label": "kept"},
        {"id": "b", "cpu": 2, "memory": 0.2},
        {"id": "c", "cpu": 9},
    ]
    what = problem("resource", {"items": items, "nodeCapacity": {"cpu": 4, "memory": 0.3}})
    result = present(what, PackingAnswer([PackedNode("n", ["a", "b"]), PackedNode("empty", [])], ["c"]))
    assert result == {
        "nodes": [{"id": "n", "cpuAvailable": 1, "memoryAvailable": 0, "items": items[:2]}],
        "unplacedItems": [items[2]],
    }


def test_given_nodes_are_all_shown_less_what_was_used_before():
    nodes = [{"id": "x", "capacity": {"cpu": 4}, "used": {"cpu": 1}}, {"id": "y", "capacity": {"cpu": 2}}]
    what = problem("resource", {"items": [{"id": "a", "cpu": 1.5}], "nodes": nodes})
    result = present(what, PackingAnswer([PackedNode("x", ["a"])], []))
    assert [(node["id"], node["cpuAvailable"]) for node in result["nodes"]] == [("x", 1.5), ("y", 2)]


def test_the_load_after_is_computed_and_capped_for_show():
    nodes = [{"id": "x", "cpuLoad": 95, "memoryLoad": 20}]
    what = problem(
        "scheduling", {"task": {"id": "t", "cpuRequired": 10, "memoryRequired": 5}, "nodes": nodes}
    )
    assert present(what, OneTaskAnswer("x")) == {
        "nodeId": "x",
        "estimatedLoadAfter": {"cpu": 100, "memory": 25},
    }


def test_the_head_that_waits_gets_a_reservation_and_earlier_promises_are_kept_up():
    jobs = [
        {"id": n, "submit": i, "procs": p, "requestedTime": 100}
        for i, (n, p) in enumerate([("a", 2), ("b", 4), ("c", 4)])
    ]
    what = problem(
        "scheduling",
        {"jobs": jobs, "cluster": {"procs": 4}, "now": 10, "reservations": [{"job": "c", "start": 900}]},
    )
    result = present(what, easy(what))
    assert result == {
        "start": ["a"],
        "order": ["a", "b", "c"],
        "reservations": [{"job": "b", "start": 110}, {"job": "c", "start": 900}],
    }


def test_integers_are_shown_as_integers_and_the_best_observation_is_the_hosts():
    seen = [{"params": {"n": 2}, "value": 5.0}, {"params": {"n": 3}, "value": 4.0}]
    what = problem(
        "performance",
        {"parameters": [{"name": "n", "kind": "int", "low": 1, "high": 9}], "observations": seen},
    )
    result = present(what, TuningAnswer([Suggestion({"n": 4.0})]))
    assert result == {"suggestions": [{"params": {"n": 4}}], "best": seen[1]}
    assert type(result["suggestions"][0]["params"]["n"]) is int


def test_when_nothing_fits_the_sentence_names_the_item_the_sizes_the_capacity_and_the_remedy():
    what = problem(
        "resource", {"items": [{"id": "a", "cpu": 8, "memory": 1}], "nodeCapacity": {"cpu": 4, "memory": 16}}
    )
    assert why_nothing_fits(what) == (
        'the item "a" needs cpu 8, memory 1, and a node has at most cpu 4, memory 16 free; give smaller items or a larger nodeCapacity'
    )
    given = {
        "items": [{"id": "a", "cpu": 9}, {"id": "b", "cpu": 5}],
        "nodes": [{"id": "n", "capacity": {"cpu": 6}, "used": {"cpu": 3}}],
    }
    assert why_nothing_fits(problem("resource", given)) == (
        'none of the 2 items fits on a node: "b" needs cpu 5, and a node has at most cpu 3 free; give smaller items or nodes with more room'
    )
    fits = {"items": [{"id": "a", "cpu": 9}, {"id": "b", "cpu": 1}], "nodeCapacity": {"cpu": 6}}
    assert why_nothing_fits(problem("resource", fits)) is None

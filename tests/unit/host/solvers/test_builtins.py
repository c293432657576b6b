"""The table of built-ins names each, the fallback first."""

from __future__ import annotations

from host.solvers.builtins import built_ins
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem


def names(type_, data):
    return [each.by for each in built_ins(parse_problem(OptimizeRequest("r", type_, data)))]


def test_each_kind_of_problem_has_its_built_ins_the_fallback_first():
    items = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
    assert names("resource", items) == ["builtin:first-fit-decreasing", "builtin:best-fit-decreasing"]
    queue = {
        "jobs": [{"id": "j", "submit": 0, "procs": 1, "requestedTime": 1}],
        "cluster": {"procs": 1},
        "now": 0,
    }
    assert names("scheduling", queue) == ["builtin:easy", "builtin:fcfs"]
    task = {
        "task": {"id": "t", "cpuRequired": 1, "memoryRequired": 1},
        "nodes": [{"id": "n", "cpuLoad": 0, "memoryLoad": 0}],
    }
    assert names("scheduling", task) == ["builtin:least-loaded"]
    pods = {"pods": [{"id": "p", "cpu": 1}], "nodes": [{"id": "n", "cpu": 1}]}
    assert names("scheduling", pods) == [
        "builtin:fgd",
        "builtin:best-fit",
        "builtin:gpu-packing",
        "builtin:dot-product",
    ]
    assert names("performance", {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}]}) == [
        "builtin:space-filling-local-search"
    ]
    assert names("ml-driven", {"anything": 1}) == []

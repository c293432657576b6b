"""Least loaded, among those the task does not overload."""

from __future__ import annotations

from host.solvers.one_task import least_loaded
from plugin_sdk.contract.problems.one_task import parse_one_task


def chosen(*loads, cpu=10, memory=10):
    nodes = [{"id": f"n{i}", "cpuLoad": a, "memoryLoad": b} for i, (a, b) in enumerate(loads)]
    return least_loaded(
        parse_one_task({"task": {"id": "t", "cpuRequired": cpu, "memoryRequired": memory}, "nodes": nodes})
    ).node_id


def test_the_lowest_sum_of_loads_wins():
    assert chosen((50, 50), (10, 70), (90, 5)) == "n1"


def test_a_node_that_would_be_overloaded_loses_to_one_with_a_higher_sum():
    assert chosen((95, 0), (60, 60)) == "n1"


def test_when_all_would_be_overloaded_the_lowest_sum_wins():
    assert chosen((99, 80), (99, 10)) == "n1"


def test_the_first_of_equals_wins():
    assert chosen((20, 30), (30, 20)) == "n0"

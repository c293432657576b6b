"""The built-ins, run and checked."""

from __future__ import annotations

import pytest

from host.clock import SystemClock
from host.engine.fallback import solve
from host.solvers import builtins
from host.solvers.stop import never
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer

ITEMS = {"items": [{"id": f"i{n}", "cpu": 1 + n % 3} for n in range(9)], "nodeCapacity": {"cpu": 4}}
PACKING = parse_problem(OptimizeRequest("r", "resource", ITEMS))


def test_all_are_run_while_there_is_time_and_only_the_first_when_there_is_none():
    assert [each.by for each in solve(PACKING, SystemClock(), never, never, all_of_them=True)] == [
        "builtin:first-fit-decreasing",
        "builtin:best-fit-decreasing",
    ]
    (only,) = solve(PACKING, SystemClock(), lambda: True, lambda: True, all_of_them=True)
    assert (only.by, only.status) == ("builtin:first-fit-decreasing", "answered")


def test_for_predictions_there_is_none():
    problem = parse_problem(OptimizeRequest("r", "ml-driven", {}))
    assert list(solve(problem, SystemClock(), never, never, all_of_them=True)) == []


def test_a_built_in_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch):
    wrong = builtins.BuiltIn("wrong", lambda problem, stop: PackingAnswer([PackedNode("n", ["i0"])], []))
    monkeypatch.setitem(builtins.BUILT_INS, type(PACKING), (wrong,))
    (found,) = solve(PACKING, SystemClock(), never, never, all_of_them=False)
    assert found.status == "invalid"
    assert found.reason is not None and "neither on a node nor in unplacedItems" in found.reason

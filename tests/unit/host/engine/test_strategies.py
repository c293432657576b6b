"""Which strategy is used, and who wins under best."""

from __future__ import annotations

import pytest

from host.engine.ask import Heard
from host.engine.strategies import best_of, choose, what_went_wrong
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem

PACKING = parse_problem(
    OptimizeRequest("r", "resource", {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}})
)
TUNING = parse_problem(
    OptimizeRequest("r", "performance", {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}]})
)
PREDICTION = parse_problem(OptimizeRequest("r", "ml-driven", {}))


@pytest.mark.parametrize(
    ("problem", "wanted", "used", "openly"),
    [
        (PACKING, None, "best", False),
        (PACKING, "priority", "priority", False),
        (PACKING, "ensemble", "best", True),
        (TUNING, None, "priority", False),
        (TUNING, "best", "priority", True),
        (PREDICTION, None, "ensemble", False),
        (PREDICTION, "priority", "priority", False),
        (PREDICTION, "best", "priority", True),
    ],
)
def test_a_strategy_that_cannot_be_had_is_replaced_openly(problem, wanted, used, openly):
    chosen = choose(problem, wanted)
    assert chosen.strategy == used
    assert (chosen.reason is not None) == openly


def heard(by, *objective, status="answered"):
    return Heard(by, status, 1.0, objective=objective or None, reason="because")


def test_the_built_in_wins_a_tie_and_loses_to_anything_better():
    own = [heard("builtin:a", 0, 5), heard("builtin:b", 0, 4)]
    assert best_of(own, [heard("p", 0, 4)]).by == "builtin:b"
    assert best_of(own, [heard("p", 0, 4), heard("q", 0, 3), heard("r", 0, 3)]).by == "q"


def test_answers_that_do_not_count_never_win():
    assert (
        best_of([heard("builtin:a", 0, 5)], [heard("p", 0, 1, status="invalid"), heard("q")]).by
        == "builtin:a"
    )


def test_a_built_in_of_unknown_worth_is_kept():
    assert best_of([heard("builtin:a")], [heard("p", 1.0)]).by == "builtin:a"


def test_without_a_built_in_a_plugin_that_answered_wins_and_without_anyone_nobody():
    assert best_of([], [heard("p", status="late"), heard("q")]).by == "q"
    assert best_of([], [heard("p", status="late")]) is None


def test_abstaining_is_nothing_wrong():
    assert what_went_wrong([heard("p", status="abstained"), heard("q", status="late")]) == [
        "q was late: because"
    ]

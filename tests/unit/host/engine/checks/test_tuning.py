"""Suggestions are complete, in range, and as many as were asked for."""

from __future__ import annotations

import pytest

from host.engine.checks.tuning import verify
from plugin_sdk.contract.problems.tuning import Suggestion, TuningAnswer, parse_tuning

PROBLEM = parse_tuning(
    {
        "parameters": [
            {"name": "x", "kind": "float", "low": 0, "high": 1},
            {"name": "n", "kind": "int", "low": 1, "high": 9},
            {"name": "c", "kind": "choice", "choices": ["a", 1]},
        ]
    }
)
GOOD = {"x": 0.5, "n": 3, "c": "a"}


@pytest.mark.parametrize("params", [GOOD, {**GOOD, "x": 1}, {**GOOD, "n": 4.0}, {**GOOD, "c": 1}])
def test_values_in_range_are_fine(params):
    assert verify(PROBLEM, TuningAnswer([Suggestion(params)])).ok


@pytest.mark.parametrize(
    "change",
    [
        {"x": 1.01},
        {"x": float("nan")},
        {"x": 10**400},
        {"x": True},
        {"x": "0.5"},
        {"x": None},
        {"n": 2.5},
        {"n": 10},
        {"c": "b"},
        {"c": True},
        {"c": []},
    ],
)
def test_values_out_of_range_or_of_another_kind_are_named(change):
    (name,) = change
    broken = verify(PROBLEM, TuningAnswer([Suggestion({**GOOD, **change})])).broken
    assert broken is not None and f'"{name}", which is out of range' in broken


def test_a_missing_or_unknown_parameter_and_a_wrong_count_are_named():
    assert (
        verify(PROBLEM, TuningAnswer([Suggestion({"x": 1, "n": 1})])).broken
        == 'suggestions[0] lacks parameter "c"'
    )
    assert "which is not in the request" in str(
        verify(PROBLEM, TuningAnswer([Suggestion({**GOOD, "y": 1})])).broken
    )
    assert verify(PROBLEM, TuningAnswer([])).broken == "there are 0 suggestions but 1 were asked for"

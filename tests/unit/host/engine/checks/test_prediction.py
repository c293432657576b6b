"""Predictions: a number or an object, every number finite, not too deep."""

from __future__ import annotations

import pytest

from host.engine.checks.prediction import DEPTH_LIMIT, verify
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems import PredictionProblem

PROBLEM = PredictionProblem({})


def nested(levels):
    return 1.0 if not levels else {"in": nested(levels - 1)}


@pytest.mark.parametrize(
    "value",
    [3, -0.5, {"cpu": 1, "by": {"p90": 2.0}, "unit": "s", "sure": True, "all": [1, None]}, nested(20), {}],
)
def test_finite_numbers_and_objects_of_them_are_fine(value):
    assert verify(PROBLEM, Prediction(value)).ok


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {"a": {"b": [float("-inf")]}},
        {"a": 10**400},
        True,
        None,
        "3",
        [3],
        nested(DEPTH_LIMIT + 1),
    ],
)
def test_anything_else_is_refused_with_a_reason(value):
    assert verify(PROBLEM, Prediction(value)).broken

"""Predictions: a number or an object, every number in it finite. Whether they are right is seen later."""

from __future__ import annotations

import math
from typing import Any

from host.engine.checks.verdict import OK, Verdict
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems.prediction import PredictionProblem

DEPTH_LIMIT = 32  # levels; answers are merged and encoded recursively


def verify(problem: PredictionProblem, answer: Prediction) -> Verdict:
    """Whether it is one that can be passed on."""
    found = answer.prediction
    if isinstance(found, bool) or not isinstance(found, int | float | dict):
        return Verdict(
            f"the prediction is {show(found)}; it should be a number or an object of named numbers"
        )
    level: list[Any] = [found]
    for _ in range(DEPTH_LIMIT):
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, int | float) and not _finite(each):
                return Verdict(f"the prediction has {show(each)}; every number should be finite")
            deeper.extend(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        if not deeper:
            return OK
        level = deeper
    return Verdict(f"the prediction is nested deeper than {DEPTH_LIMIT} levels")


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False

"""Predictions: `data` goes to the plugins' `predict` as it is; no built-in can stand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.problems.amounts import only_constraints


class PredictionProblem(msgspec.Struct, frozen=True):
    """Predict from this input."""

    input: dict[str, Any]


def parse_prediction(
    data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None
) -> PredictionProblem:
    """The problem in `data`: all of it.

    Raises:
        ProblemError: There are constraints; none is understood here.
    """
    only_constraints(constraints, [], "ml-driven requests")
    return PredictionProblem(dict(data))

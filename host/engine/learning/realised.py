"""What an outcome says, in the terms of what was advised: values for predictions, a cost for decisions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeGuard

from plugin_sdk.contract.workload import WorkloadDataPoint

# Names that plugins share, and where an outcome has the value (docs/reference/protocol.md, `predict`).
_DURATIONS = frozenset({"expected_duration", "duration"})


def numbers(prediction: Any) -> Iterator[tuple[str, float]]:
    """The numbers of a prediction by name; one that is a number has the name ""."""
    if _is_number(prediction):
        yield "", float(prediction)
    elif isinstance(prediction, dict):
        for name, value in prediction.items():
            if _is_number(value):
                yield name, float(value)


def realised(point: WorkloadDataPoint, name: str) -> float | None:
    """What came of the quantity of this name; `None` where the outcome does not say.

    `metadata.realised`, a number or an object of named numbers, says it outright; else the duration stands for a
    bare number and `expected_duration`, success for `success_probability`, and usage for the name of a resource.
    """
    said = (point.metadata or {}).get("realised")
    if isinstance(said, dict):
        value = said.get(name)
        return float(value) if _is_number(value) else None
    if said is not None and name == "":
        return float(said) if _is_number(said) else None
    if name == "" or name in _DURATIONS:
        return point.duration
    if name == "success_probability":
        return float(point.success)
    return point.resource_usage.get(name)


def cost(point: WorkloadDataPoint) -> tuple[float, float | None] | None:
    """(what a decision cost, what the built-in's would have) as the caller says it in `metadata`; `None` if he does not.

    `metadata.cost` is the cost, lower is better, >= 0; `metadata.builtinCost` may stand beside it.
    """
    said = point.metadata or {}
    found = said.get("cost")
    if not _is_number(found) or found < 0:
        return None
    shadow = said.get("builtinCost")
    return float(found), float(shadow) if _is_number(shadow) and shadow >= 0 else None


def loss(predicted: float, came: float) -> float:
    """How wrong a prediction was, in [0, 1]: |p - y| / (|p| + |y|); 0 when both are 0."""
    scale = abs(predicted) + abs(came)
    return min(abs(predicted - came) / scale, 1.0) if scale else 0.0


def _is_number(value: Any) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False

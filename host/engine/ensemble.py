"""Several predictions made one: the weighted median of each number, so that one liar among three moves little.

Source: Edgeworth (1888), On a new method of reducing observations relating to several quantities (the
weighted median); its breakdown point is half of the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def combine(predictions: Sequence[Any], weights: Sequence[float]) -> Any:
    """One prediction out of at least one, each a finite number or an object that passed its check.

    Objects are combined member by member, over all members that any has. What is no number, or is a number
    in some and something else in others, is taken as the ones with the most weight have it.

    Args:
        weights: >= 0. When all are 0 they count as equal.
    """
    if not any(weights):
        weights = [1.0] * len(weights)
    return _merge(list(zip(predictions, weights, strict=True)))


def weighted_median(values: Sequence[tuple[float, float]]) -> float:
    """The value that half of the weight lies on either side of; between two such, their mean.

    Args:
        values: (value, weight >= 0), at least one.
    """
    ordered = sorted(values)
    if not any(weight for _, weight in ordered):
        ordered = [(value, 1.0) for value, _ in ordered]
    half = sum(weight for _, weight in ordered) / 2
    reached = 0.0
    for index, (value, weight) in enumerate(ordered):
        reached += weight
        if reached > half or index == len(ordered) - 1:
            return value
        if reached == half and weight:
            other = next((each for each, heavy in ordered[index + 1 :] if heavy), value)
            return value / 2 + other / 2 if value != other else value
    raise ValueError("a median needs at least one value")


def _merge(weighted: list[tuple[Any, float]]) -> Any:
    kinds: dict[str, float] = {}
    for value, weight in weighted:
        kinds[_kind(value)] = kinds.get(_kind(value), 0.0) + weight
    kind = max(kinds, key=lambda each: kinds[each])
    agreeing = [(value, weight) for value, weight in weighted if _kind(value) == kind]
    if len(agreeing) == 1:
        return agreeing[0][0]
    if kind == "number":
        return weighted_median([(float(value), weight) for value, weight in agreeing])
    if kind == "object":
        names = dict.fromkeys(name for value, _ in agreeing for name in value)
        return {
            name: _merge([(value[name], weight) for value, weight in agreeing if name in value])
            for name in names
        }
    return max(agreeing, key=lambda each: each[1])[0]


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"

"""From what a classifier computes to the share of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence


def shares(raw: Sequence[float]) -> list[float]:
    """A logistic function of one number, that of the second of two classes; or a softmax of several."""
    if len(raw) == 1:
        one = _logistic(raw[0])
        return [1.0 - one, one]
    most = max(raw)
    powers = [math.exp(each - most) for each in raw]
    total = sum(powers)
    return [each / total for each in powers]


def _logistic(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)  # no overflow this way round
    return power / (1.0 + power)

"""Quantiles that hold what they say: conformal calibration of any model's predictions.

Sources: split conformal prediction, Papadopoulos et al. (2002); conformalised quantile regression, Romano, Patterson and
Candes (2019); adaptive conformal inference, Gibbs and Candes (2021).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping, Sequence

__all__ = ["AdaptiveConformal", "ConformalQuantiles", "SplitConformal", "conformal_quantile"]

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def conformal_quantile(errors: Sequence[float], level: float) -> float:
    """The error that a new one stays below with at least the probability *level*, if it is like these.

    Args:
        errors: At least one, in any order.
        level: In (0, 1).

    Returns:
        The ceil((n + 1) level)-th smallest; the largest where there are too few to say.
    """
    if not errors:
        raise ValueError("there are no errors to calibrate on; give at least one")
    rank = math.ceil((len(errors) + 1) * level)
    return sorted(errors)[min(max(rank, 1), len(errors)) - 1]


class SplitConformal:
    """Quantiles around a point prediction, from its errors on data that it was not fitted to."""

    def __init__(self, levels: Sequence[float] = LEVELS) -> None:
        self.levels = tuple(sorted(levels))
        self.offsets = dict.fromkeys(self.levels, 0.0)

    def fit(self, predicted: Sequence[float], actual: Sequence[float]) -> SplitConformal:
        """Takes the errors of a held-out set."""
        errors = [float(a) - float(p) for p, a in zip(predicted, actual, strict=True)]
        self.offsets = {level: conformal_quantile(errors, level) for level in self.levels}
        return self

    def quantiles(self, predicted: float) -> dict[str, float]:
        """Level to value, as `PredictionResult.quantiles` has them."""
        return {f"{level:g}": float(predicted) + self.offsets[level] for level in self.levels}


class ConformalQuantiles:
    """Corrects the quantiles of a model that predicts them itself."""

    def __init__(self, levels: Sequence[float] = LEVELS) -> None:
        self.levels = tuple(sorted(levels))
        self.offsets = dict.fromkeys(self.levels, 0.0)

    def fit(self, predicted: Mapping[float, Sequence[float]], actual: Sequence[float]) -> ConformalQuantiles:
        """Takes what was predicted for a held-out set, by level, and what came of it."""
        for level in self.levels:
            errors = [float(a) - float(p) for p, a in zip(predicted[level], actual, strict=True)]
            self.offsets[level] = conformal_quantile(errors, level)
        return self

    def quantiles(self, predicted: Mapping[float, float]) -> dict[str, float]:
        """The corrected quantiles, made to rise with their levels."""
        found: dict[str, float] = {}
        least = -math.inf
        for level in self.levels:
            least = max(least, float(predicted[level]) + self.offsets[level])
            found[f"{level:g}"] = least
        return found


class AdaptiveConformal:
    """Keeps a quantile's coverage while the world drifts: errors of late, and a level that follows the misses.

    Args:
        level: Wanted share of outcomes at or below the quantile.
        rate: How fast the level in use is moved after a miss.
        window: Errors that are remembered.
    """

    def __init__(self, level: float = 0.9, *, rate: float = 0.02, window: int = 500) -> None:
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; give a number between 0 and 1")
        self.level = level
        self.rate = rate
        self.in_use = level
        self._late: deque[float] = deque(maxlen=window)
        self._sorted: list[float] = []

    def upper(self, predicted: float) -> float:
        """The quantile for a prediction; the prediction itself until there are errors."""
        if not self._sorted:
            return predicted
        rank = math.ceil((len(self._sorted) + 1) * min(max(self.in_use, 0.0), 1.0))
        return predicted + self._sorted[min(max(rank, 1), len(self._sorted)) - 1]

    def update(self, predicted: float, actual: float) -> None:
        """Takes an outcome."""
        missed = actual > self.upper(predicted)
        self.in_use += self.rate * (self.level - (0.0 if missed else 1.0))
        self.in_use = min(max(self.in_use, 0.001), 0.999)
        error = actual - predicted
        if len(self._late) == self._late.maxlen:
            oldest = self._late[0]
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._late.append(error)
        insort(self._sorted, error)

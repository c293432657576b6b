"""How far from the outcome a plugin's predictions are, by its latest ones: an interval that holds as often as it says.

A plugin's own confidence is not used: it may say what it likes. The width is what was needed for a share of the
last predictions, and it rolls on as outcomes come. When the world changes, the last predictions say too little for a
while: so the share goes up by a little with each outcome that fell outside, and down by less with each that did not,
and settles where as many lie inside as should.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapter 2 (the quantile of n + 1);
Barber, Candès, Ramdas and Tibshirani (2023), Conformal prediction beyond exchangeability (recent ones count); Gibbs
and Candès (2021), Adaptive conformal inference under distribution shift (the share that moves).
"""

from __future__ import annotations

import math
from collections import deque

LEVEL = 0.9  # of the outcomes lie in the interval
WINDOW = 200  # outcomes that count
ENOUGH = 20  # before it an interval would say little
STEP = 0.02  # of the share, with an outcome outside: a shift is caught up with in some tens of outcomes


class RollingInterval:
    """The residuals of one plugin's predictions of one quantity."""

    def __init__(self, level: float = LEVEL, window: int = WINDOW) -> None:
        self._level = level
        self._share = level
        self._residuals: deque[float] = deque(maxlen=window)

    def outcome(self, predicted: float, realised: float) -> None:
        """Takes note of one; both finite."""
        residual = abs(realised - predicted)
        width = self._width()
        if width is not None:
            missed = float(residual > width)
            self._share = min(max(self._share + STEP * (missed - (1.0 - self._level)), 0.5), 1.0)
        self._residuals.append(residual)

    def around(self, predicted: float) -> tuple[float, float] | None:
        """The interval about a new prediction; `None` while there are too few outcomes."""
        width = self._width()
        return None if width is None else (predicted - width, predicted + width)

    def _width(self) -> float | None:
        count = len(self._residuals)
        if count < ENOUGH:
            return None
        rank = math.ceil((count + 1) * self._share)
        return sorted(self._residuals)[min(rank, count) - 1]

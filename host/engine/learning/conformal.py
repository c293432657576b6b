"""How far from the outcome a plugin's predictions are, by its latest ones: an interval that holds as often as it says.

A plugin's own confidence is not used: it may say what it likes. The width is what was needed for a share of the
last predictions, and it rolls on as outcomes come.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapter 2 (the quantile of n + 1);
Barber, Candès, Ramdas and Tibshirani (2023), Conformal prediction beyond exchangeability (recent ones count).
"""

from __future__ import annotations

import math
from collections import deque

LEVEL = 0.9  # of the outcomes lie in the interval
WINDOW = 200  # outcomes that count
ENOUGH = 20  # before it an interval would say little


class RollingInterval:
    """The residuals of one plugin's predictions of one quantity."""

    def __init__(self, level: float = LEVEL, window: int = WINDOW) -> None:
        self._level = level
        self._residuals: deque[float] = deque(maxlen=window)

    def outcome(self, predicted: float, realised: float) -> None:
        """Takes note of one; both finite."""
        self._residuals.append(abs(realised - predicted))

    def around(self, predicted: float) -> tuple[float, float] | None:
        """The interval about a new prediction; `None` while there are too few outcomes."""
        count = len(self._residuals)
        rank = math.ceil((count + 1) * self._level)
        if count < ENOUGH or rank > count:
            return None
        width = sorted(self._residuals)[rank - 1]
        return predicted - width, predicted + width

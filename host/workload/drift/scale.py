"""Any feature as a number in [0, 1], as ADWIN wants it, by what its first values were like.

A number is put on a logarithmic scale and through a logistic curve, which is 1/2 at the median of the first values and
steep within their quartiles. A text is its rank among the first values, the commonest lowest; one that was not among
them is 1. So the mean moves when the values do, or when other texts become common.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

FIRST = 64  # values


class Scale:
    """One feature. `of` is `None` until enough values were seen, and for what is neither number nor text."""

    def __init__(self) -> None:
        self._first: list[Any] | None = []
        self._median = 0.0
        self._spread = 1.0
        self._ranks: dict[str, float] | None = None

    def of(self, value: Any) -> float | None:
        """Where *value* lies."""
        if isinstance(value, bool):
            value = float(value)
        if not isinstance(value, str):
            number = _logarithm(value)
            if number is None:
                return None
            value = number
        if self._first is not None:
            self._first.append(value)
            if len(self._first) == FIRST:
                self._settle(self._first)
                self._first = None
            return None
        if isinstance(value, str):
            return self._ranks.get(value, 1.0) if self._ranks is not None else 1.0
        if self._ranks is not None:
            return 1.0  # a number where there were texts
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, (value - self._median) / self._spread))))

    def _settle(self, first: list[Any]) -> None:
        texts = Counter(value for value in first if isinstance(value, str))
        if 2 * texts.total() >= len(first):
            ordered = [text for text, _ in texts.most_common()]
            self._ranks = {text: at / len(ordered) for at, text in enumerate(ordered)}
            return
        numbers = sorted(value for value in first if not isinstance(value, str))
        self._median = numbers[len(numbers) // 2]
        quartiles = numbers[3 * len(numbers) // 4] - numbers[len(numbers) // 4]
        self._spread = quartiles if quartiles > 0 else 1.0


def _logarithm(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number):
        return None
    return math.copysign(math.log1p(abs(number)), number)

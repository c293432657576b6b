"""The latest durations of one kind of call, and their quantiles."""

from __future__ import annotations

from collections import deque


class LatencyWindow:
    """The last *size* durations in seconds. Adding is cheap; asking sorts, and is for status pages."""

    def __init__(self, size: int = 1024) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self.add = self._values.append  # takes one duration, in place of the oldest when the window is full

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile for *q* in (0, 1]; `None` when nothing was measured."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        rank = -int(-q * len(ordered) // 1)  # ceiling
        return ordered[max(0, rank - 1)]

"""The latest durations of one kind of call, and their quantiles."""

from __future__ import annotations


class LatencyWindow:
    """The last *size* durations in seconds. Adding is cheap; asking sorts, and is for status pages."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._values: list[float] = []
        self._next = 0

    def add(self, seconds: float) -> None:
        """Takes one duration, in place of the oldest when the window is full."""
        if len(self._values) < self._size:
            self._values.append(seconds)
        else:
            self._values[self._next] = seconds
            self._next = (self._next + 1) % self._size

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile for *q* in (0, 1]; `None` when nothing was measured."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        rank = -int(-q * len(ordered) // 1)  # ceiling
        return ordered[max(0, rank - 1)]

"""A linear model of named features, of any kind and number, that learns from one outcome at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

from plugin_sdk.online.moments import RunningMoments

_CLIP = 4.0  # standard deviations; an outcome further off teaches as much as one that is this far


class OnlineRegressor:
    """Predicts a number from a mapping such as a job's `features`: numbers as they are, texts one by one.

    Weights lie in a table of fixed size, by a hash of their names, so memory is bounded whatever comes. Steps are
    sized for each weight, and features by their own spread, so that nothing needs to be scaled beforehand.

    Sources: feature hashing, Weinberger et al. (2009); AdaGrad, Duchi, Hazan and Singer (2011).

    Args:
        rate: The size of the first steps, in standard deviations of the outcome.
        bits: The table has 2^bits weights.
        forget: See `RunningMoments`; of the outcomes' own scale.
    """

    def __init__(self, rate: float = 0.3, *, bits: int = 12, forget: float = 0.001) -> None:
        if not 1 <= bits <= 24:
            raise ValueError(f"bits is {bits}; give an integer from 1 to 24")
        self.rate = rate
        self.outcome = RunningMoments(forget)
        self._size = 1 << bits
        self._weights: dict[int, float] = {}
        self._steps: dict[int, float] = {}
        self._spread: dict[int, RunningMoments] = {}

    @property
    def count(self) -> int:
        """Outcomes that it has learned from."""
        return self.outcome.count

    def predict(self, features: Mapping[str, Any]) -> float:
        """What to expect; the mean so far where nothing is known."""
        raw = sum(self._weights.get(at, 0.0) * value for at, value in self._active(features))
        return self.outcome.mean + raw * (self.outcome.deviation or 1.0)

    def update(self, features: Mapping[str, Any], actual: float) -> float:
        """Learns from an outcome.

        Returns:
            The error of the prediction before it: actual minus predicted.
        """
        if not math.isfinite(actual):
            raise ValueError(f"the outcome is {actual}; give a finite number")
        error = actual - self.predict(features) if self.count else 0.0
        self.outcome.update(actual)
        scale = self.outcome.deviation
        if scale > 0:
            gradient = min(max(error / scale, -_CLIP), _CLIP)
            active = list(self._active(features, learn=True))
            norm = sum(value * value for _, value in active) or 1.0
            for at, value in active:
                slope = gradient * value
                total = self._steps.get(at, 1e-8) + slope * slope
                self._steps[at] = total
                self._weights[at] = (
                    self._weights.get(at, 0.0) + self.rate * slope / math.sqrt(total) / norm**0.5
                )
        return error

    def _active(self, features: Mapping[str, Any], *, learn: bool = False) -> Iterator[tuple[int, float]]:
        """Place and value of each feature: numbers in their own standard deviations, all else as 1."""
        for name, value in features.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield self._place(f"{name}={value}"), 1.0
            elif math.isfinite(value):
                at = self._place(name)
                moments = self._spread.get(at)
                if moments is None:
                    if not learn:
                        continue
                    moments = self._spread[at] = RunningMoments()
                if learn:
                    moments.update(value)
                spread = moments.deviation
                if spread > 0:
                    yield at, min(max((value - moments.mean) / spread, -_CLIP), _CLIP)

    def _place(self, name: str) -> int:
        return crc32(name.encode("utf-8", "replace")) % self._size  # hash() differs from process to process

"""Mean, spread and quantiles of a stream, without keeping it."""

from __future__ import annotations

import math


class RunningMoments:
    """Mean and variance of what came so far, or, with *forget*, of late.

    Source: Welford (1962); with a constant weight, the exponentially weighted form of West (1979).

    Args:
        forget: In (0, 1): the weight of a new value once there are more than 1 / forget of them. 0 keeps all alike.
    """

    def __init__(self, forget: float = 0.0) -> None:
        if not 0 <= forget < 1:
            raise ValueError(f"forget is {forget}; give a number from 0, below 1")
        self.forget = forget
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0

    def update(self, value: float) -> None:
        """Takes a value."""
        self.count += 1
        weight = max(1.0 / self.count, self.forget)
        delta = value - self.mean
        self.mean += weight * delta
        self.variance = (1.0 - weight) * (self.variance + weight * delta * delta)

    @property
    def deviation(self) -> float:
        """The standard deviation (of a population)."""
        return math.sqrt(self.variance)


class RunningQuantile:
    """One quantile of a stream, from five markers.

    Source: the P2 algorithm, Jain and Chlamtac (1985).
    """

    def __init__(self, level: float) -> None:
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; give a number between 0 and 1")
        self.level = level
        self._heights: list[float] = []
        self._places = [0.0, 1.0, 2.0, 3.0, 4.0]
        self._wanted = [0.0, 2 * level, 4 * level, 2 + 2 * level, 4.0]
        self._steps = (0.0, level / 2, level, (1 + level) / 2, 1.0)

    @property
    def value(self) -> float:
        """The quantile now; NaN before the first value."""
        heights = self._heights
        if not heights:
            return math.nan
        if len(heights) < 5:
            ordered = sorted(heights)
            return ordered[min(int(self.level * len(ordered)), len(ordered) - 1)]
        return heights[2]

    def update(self, value: float) -> None:
        """Takes a value."""
        heights = self._heights
        if len(heights) < 5:
            heights.append(value)
            heights.sort()
            return
        if value < heights[0]:
            heights[0], cell = value, 0
        elif value >= heights[4]:
            heights[4], cell = value, 3
        else:
            cell = next(at for at in range(4) if heights[at] <= value < heights[at + 1])
        for at in range(cell + 1, 5):
            self._places[at] += 1
        for at in range(5):
            self._wanted[at] += self._steps[at]
        for at in (1, 2, 3):
            self._adjust(at)

    def _adjust(self, at: int) -> None:
        heights, places = self._heights, self._places
        off = self._wanted[at] - places[at]
        if not (off >= 1 and places[at + 1] - places[at] > 1) and not (
            off <= -1 and places[at - 1] - places[at] < -1
        ):
            return
        step = 1.0 if off > 0 else -1.0
        above, below = places[at + 1] - places[at], places[at] - places[at - 1]
        curved = heights[at] + step / (above + below) * (
            (below + step) * (heights[at + 1] - heights[at]) / above
            + (above - step) * (heights[at] - heights[at - 1]) / below
        )
        if heights[at - 1] < curved < heights[at + 1]:
            heights[at] = curved
        else:
            to = at + int(step)
            heights[at] += step * (heights[to] - heights[at]) / (places[to] - places[at])
        places[at] += step

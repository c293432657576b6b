"""Resource usage over time, at even steps, out of a history of points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from plugin_sdk.contract.workload import WorkloadDataPoint

DAY_MS = 86_400_000.0
STEPS_MOST = 20_000  # of a series; a longer history is looked at in coarser steps


@dataclass(frozen=True)
class UsageSeries:
    """One resource, oldest first.

    Attributes:
        start_ms: When the first step begins.
        values: The mean amount in each step; where nothing was recorded, that of the step before.
    """

    start_ms: float
    step_ms: float
    values: list[float]

    @property
    def end_ms(self) -> float:
        """When the last step ends."""
        return self.start_ms + self.step_ms * len(self.values)

    def steps_per(self, period_ms: float) -> int:
        """How many steps a period has, at least 1."""
        return max(1, round(period_ms / self.step_ms))


def usage_series(
    points: Sequence[WorkloadDataPoint], request_type: str | None = None, step_ms: float | None = None
) -> dict[str, UsageSeries]:
    """A series for each resource that the points name.

    Args:
        request_type: Points of this type alone.
        step_ms: Without it, the usual distance of two points.
    """
    chosen = [
        point
        for point in points
        if point.resource_usage and (request_type is None or point.request_type == request_type)
    ]
    if len(chosen) < 2:
        return {}
    times = sorted(point.timestamp for point in chosen)
    start, span = times[0], times[-1] - times[0]
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    step = max(step_ms or (median(gaps) if gaps else 1.0), span / STEPS_MOST, 1e-9)
    count = int(span / step + 1e-9) + 1
    sums: dict[str, list[list[float]]] = {}
    for point in chosen:
        at = min(int((point.timestamp - start) / step + 1e-9), count - 1)
        for name, amount in point.resource_usage.items():
            if isinstance(amount, int | float) and math.isfinite(amount):
                sums.setdefault(name, [[] for _ in range(count)])[at].append(float(amount))
    return {name: UsageSeries(start, step, _filled(cells)) for name, cells in sums.items()}


def _filled(cells: list[list[float]]) -> list[float]:
    last = next(fmean(cell) for cell in cells if cell)
    values = []
    for cell in cells:
        last = fmean(cell) if cell else last
        values.append(last)
    return values

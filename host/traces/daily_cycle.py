"""The daily cycle of Lublin and Feitelson: clock time in which every half hour counts as much as it is busy.

Source: Lublin and Feitelson (2003), section 5; see lublin.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate

BUCKET_S = 1800.0  # the model's day is cut into half hours
BUCKETS = 48
DAY_S = BUCKET_S * BUCKETS
FIRST_BUCKET = 11  # the model's day starts where the night is over: the gamma's support is laid from here on


class DailyCycle:
    """Maps busy time to clock time: an hour of busy time passes quickly by day and slowly by night.

    Args:
        shape, scale: Of the gamma distribution of job arrivals over the day, in half hours.
    """

    def __init__(self, shape: float, scale: float) -> None:
        shares = [0.0] * BUCKETS
        for bucket in range(FIRST_BUCKET, FIRST_BUCKET + BUCKETS):
            shares[(bucket - 1) % BUCKETS] = _mass(bucket - 0.5, bucket + 0.5, shape, scale)
        mean = sum(shares) / BUCKETS
        self.weights = [share / mean for share in shares]  # busy seconds per clock second, 1 on average
        self._busy_at = [0.0, *accumulate(weight * BUCKET_S for weight in self.weights)]

    def clock_s(self, busy_s: float) -> float:
        """Seconds since the first midnight at which *busy_s* busy seconds have passed since then."""
        whole = self._busy_at[-1]  # one day of busy time; DAY_S but for rounding
        days, rest = divmod(busy_s, whole)
        bucket = min(bisect_right(self._busy_at, rest), BUCKETS) - 1
        into = (rest - self._busy_at[bucket]) / self.weights[bucket]
        return days * DAY_S + bucket * BUCKET_S + into


def _mass(low: float, high: float, shape: float, scale: float) -> float:
    """Of the gamma distribution between two points half an hour apart, by Simpson's rule (error below 1e-6)."""

    def density(x: float) -> float:
        return math.exp((shape - 1) * math.log(x / scale) - x / scale - math.lgamma(shape)) / scale

    return (high - low) / 6 * (density(low) + 4 * density((low + high) / 2) + density(high))

"""Means over cases and paired differences: the same cases under two deciders, with a confidence interval.

Source: Student (1908); pairing takes out what the cases differ by among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Paired:
    """The mean of differences, and half the width of its 95 % interval; `None` from fewer than two pairs."""

    mean: float
    half_width: float | None
    pairs: int


def mean(values: Sequence[float]) -> float:
    """Of at least one."""
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 of one value."""
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def paired(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Paired | None:
    """Ours minus theirs over the cases that both have; `None` when there is none."""
    differences = [ours[key] - theirs[key] for key in ours if key in theirs]
    if not differences:
        return None
    half = None
    if len(differences) > 1:
        half = _t_quantile(len(differences) - 1) * deviation(differences) / math.sqrt(len(differences))
    return Paired(mean(differences), half, len(differences))


def _t_quantile(freedom: int) -> float:
    """Of Student's t at 97.5 %: Hill's expansion (1970) from the normal quantile, exact for 1 and 2."""
    if freedom == 1:
        return 12.706204736432095
    if freedom == 2:
        return 4.302652729911275
    z, n = 1.959963984540054, float(freedom)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / n + g2 / n**2 + g3 / n**3 + g4 / n**4


def pooled_quantile(samples: Sequence[tuple[Sequence[float], int]], level: float) -> float | None:
    """Of all that was measured, from a sample of each part and how many values the part has; `None` without any."""
    weighed = sorted((value, count / len(sample)) for sample, count in samples if sample for value in sample)
    if not weighed:
        return None
    needed = level * math.fsum(weight for _, weight in weighed) * (1 - 1e-12)
    reached = 0.0
    for value, weight in weighed:
        reached += weight
        if reached >= needed:
            return value
    return weighed[-1][0]


def quantile(values: Sequence[float], level: float) -> float:
    """Of sorted *values*, the nearest at or above; at least one."""
    return values[min(len(values) - 1, math.ceil(level * len(values)) - 1)] if level > 0 else values[0]

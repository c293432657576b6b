"""Which small segments to merge, decided from their sizes.

Theory of operation. Sizes fall into classes, each eight times the one below. Neighbours of one class are merged
when together they make one of the next, or when there are too many of them, as when points trickle in one by one.
So a point is rewritten at most once a class, and few segments stay small.
Source: O'Neil et al. (1996), The Log-Structured Merge-Tree; tiered, as Cassandra does it.
"""

from __future__ import annotations

from collections.abc import Sequence

from host.workload.store.segment import SEGMENT_POINTS

_CLASSES = (SEGMENT_POINTS // 64, SEGMENT_POINTS // 8, SEGMENT_POINTS)  # a class ends below its number
_MANY = 64


def size_class(count: int) -> int:
    """0 for the smallest; those of the last class are never merged."""
    return sum(count >= bound for bound in _CLASSES)


def to_merge(counts: Sequence[int]) -> tuple[int, int] | None:
    """The next segments to merge, as a half-open range of indices; `None` when all is well.

    Args:
        counts: Points of each segment of one type, oldest first.
    """
    start = 0
    while start < len(counts):
        kind = size_class(counts[start])
        stop, total = start, 0
        while stop < len(counts) and size_class(counts[stop]) == kind and stop - start < _MANY:
            if total + counts[stop] > SEGMENT_POINTS:
                break
            total += counts[stop]
            stop += 1
        enough = stop - start > 1 and kind < len(_CLASSES)
        if enough and (
            total >= _CLASSES[kind] or stop - start >= _MANY or (stop < len(counts) and stop - start >= 8)
        ):
            return start, stop
        start = max(stop, start + 1)
    return None

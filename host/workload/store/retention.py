"""What is history still, decided from counts and ages."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from host.workload.store.segment import Segment


@dataclass(frozen=True)
class Retained:
    """What is left of one type, and what that changes in the file."""

    segments: tuple[Segment, ...]
    deleted: list[int]
    shortened: list[tuple[int, int]]  # key, dropped


def retain(segments: Sequence[Segment], points: int, recorded_since_ms: float | None) -> Retained:
    """The newest *points* of *segments*, oldest first, none recorded before *recorded_since_ms*."""
    excess = sum(segment.count for segment in segments) - points
    kept: list[Segment] = []
    deleted: list[int] = []
    shortened: list[tuple[int, int]] = []
    for at, segment in enumerate(segments):
        dropped = segment.dropped + min(max(0, excess), segment.count)
        if recorded_since_ms is not None:
            dropped = max(dropped, bisect_left(segment.block.view("recorded"), recorded_since_ms))
        if dropped == segment.dropped:
            kept += segments[at:]
            break
        excess -= dropped - segment.dropped
        if dropped >= segment.block.count:
            deleted.append(segment.key)
        else:
            kept.append(segment.dropping(dropped))
            shortened.append((segment.key, dropped))
    return Retained(tuple(kept), deleted, shortened)

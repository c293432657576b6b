"""The history in memory: bounded, filtered by type, time and recency; the seed's statistics and training format.

This version keeps nothing on disk, and says so (`durable` is false wherever points are acknowledged).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.workload import WorkloadDataPoint

DEFAULT_LIMIT = 10_000  # the seed's default


class Selection(msgspec.Struct, frozen=True):
    """Which points of the history are meant. `None` leaves a side open.

    Fields:
        type: Points of this request type alone.
        start, end: Milliseconds since the epoch, both included.
        limit: At most this many, the most recent; >= 1.
    """

    type: str | None = None
    start: float | None = None
    end: float | None = None
    limit: int | None = None


class WorkloadCollector:
    """The newest points, in the order they were recorded. Used on the event loop's thread alone."""

    durable = False

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._points: deque[WorkloadDataPoint] = deque(maxlen=limit)
        self.recorded = 0

    def __len__(self) -> int:
        return len(self._points)

    def record(self, points: Iterable[WorkloadDataPoint]) -> int:
        """Takes points, the oldest first; the oldest of all make room. Returns how many were taken."""
        count = 0
        for point in points:
            self._points.append(point)
            count += 1
        self.recorded += count
        return count

    def select(self, selection: Selection | None = None) -> list[WorkloadDataPoint]:
        """The selected points, oldest first."""
        wanted = selection or Selection()
        points = [point for point in self._points if _within(point, wanted)]
        if wanted.limit is not None:
            points = points[max(0, len(points) - wanted.limit) :]
        return points

    def since(self, seq: int) -> list[WorkloadDataPoint]:
        """The points recorded after the first *seq* of all, as far as they are still here."""
        missing = self.recorded - seq
        if missing <= 0:
            return []
        points = list(self._points)
        return points[max(0, len(points) - missing) :]

    def statistics(self, selection: Selection | None = None) -> dict[str, Any]:
        """The seed's `{totalRequests, successRate, avgDuration, byType}`; durations in milliseconds."""
        points = self.select(selection)
        by_type: dict[str, list[WorkloadDataPoint]] = {}
        for point in points:
            by_type.setdefault(point.request_type, []).append(point)
        totals = _rates(points)
        return {
            "totalRequests": totals["count"],
            "successRate": totals["successRate"],
            "avgDuration": totals["avgDuration"],
            "byType": {kind: _rates(each) for kind, each in sorted(by_type.items())},
        }

    def training_format(self, selection: Selection | None = None) -> dict[str, Any]:
        """The seed's `{features, labels, metadata: {featureNames, size}}`; a label is 1 for success."""
        points = self.select(selection)
        return {
            "features": [[point.timestamp, point.duration, int(point.success)] for point in points],
            "labels": [int(point.success) for point in points],
            "metadata": {"featureNames": ["timestamp", "duration", "success"], "size": len(points)},
        }

    def clear(self) -> None:
        """Forgets every point."""
        self._points.clear()


def _within(point: WorkloadDataPoint, wanted: Selection) -> bool:
    return (
        (wanted.type is None or point.request_type == wanted.type)
        and (wanted.start is None or point.timestamp >= wanted.start)
        and (wanted.end is None or point.timestamp <= wanted.end)
    )


def _rates(points: list[WorkloadDataPoint]) -> Mapping[str, Any]:
    count = len(points)
    return {
        "count": count,
        "successRate": sum(point.success for point in points) / count if count else 0.0,
        "avgDuration": sum(point.duration for point in points) / count if count else 0.0,
    }

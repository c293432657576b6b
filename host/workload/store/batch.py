"""What was submitted together, as segments by type; and whose answer each point came of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from host.workload.store.segment import SEGMENT_POINTS, Segment, make_segment
from plugin_sdk.contract.workload import WorkloadDataPoint

REMEMBERED = 50_000  # requests whose outcomes may yet be reported


class Deciders:
    """Who decided which request, so that its outcome, reported later, is found under the same plugin."""

    def __init__(self) -> None:
        self._by_request: OrderedDict[str, str] = OrderedDict()

    def of(self, point: WorkloadDataPoint) -> str | None:
        """The plugin's name, or the built-in's (`builtin:easy`); `None` when nobody's decision is known."""
        said = (point.metadata or {}).get("decidedBy")
        if isinstance(said, str):
            name = said.partition("@")[0]
            if point.request_id is not None:
                self._by_request[point.request_id] = name
                if len(self._by_request) > REMEMBERED:
                    self._by_request.popitem(last=False)
            return name
        return self._by_request.get(point.request_id) if point.request_id is not None else None


def segments_of(
    points: Sequence[WorkloadDataPoint],
    lines: Sequence[bytes],
    first_seq: int,
    recorded_ms: float,
    deciders: Deciders,
) -> list[Segment]:
    """Segments of the points, which are numbered from *first_seq* in their order."""
    by_type: dict[str, list[int]] = {}
    for at, point in enumerate(points):
        by_type.setdefault(point.request_type, []).append(at)
    plugins = [deciders.of(point) for point in points]
    found = []
    for kind, places in by_type.items():
        for start in range(0, len(places), SEGMENT_POINTS):
            some = places[start : start + SEGMENT_POINTS]
            found.append(
                make_segment(
                    kind,
                    [points[at] for at in some],
                    [lines[at] for at in some],
                    [first_seq + at for at in some],
                    recorded_ms,
                    [plugins[at] for at in some],
                )
            )
    return found

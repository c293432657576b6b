"""Every segment that is history, by type, at one moment; and which points of them are meant.

An index never changes: the writer makes a new one and puts it in place, so that any thread may read one without
a lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from host.workload.selection import Selection
from host.workload.store.segment import Segment

Places = range | list[int]


@dataclass(frozen=True)
class Run:
    """Some points of one segment, by index, oldest first."""

    segment: Segment
    places: Places

    def seqs(self) -> list[int]:
        """Their sequence numbers."""
        return _at(self.segment.block.view("seq"), self.places)

    def pick(self, text: bytes) -> list[bytes]:
        """Their lines, out of all of the segment's."""
        return _at(text.split(b"\n"), self.places)


@dataclass(frozen=True)
class Index:
    """Segments by type, oldest first.

    Attributes:
        last_seq: Of all points ever recorded.
    """

    types: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict)
    last_seq: int = 0

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return sum(segment.count for segments in self.types.values() for segment in segments)

    def segments(self, kind: str | None) -> Sequence[Sequence[Segment]]:
        """The segments of one type, or of each."""
        if kind is None:
            return list(self.types.values())
        return [self.types[kind]] if kind in self.types else []

    def newest(self, selection: Selection, limit: int | None) -> list[list[Run]]:
        """The newest *limit* selected points of each type, or all of them, newest run first.

        Those of one type are at least all that belong to the newest *limit* over the types.
        """
        return [
            runs
            for segments in self.segments(selection.type)
            if (runs := _newest(segments, selection, limit))
        ]

    def later(self, selection: Selection, seq: int, limit: int) -> list[list[Run]]:
        """The first *limit* selected points of each type after number *seq*, oldest run first.

        Those of one type are at least all that belong to the first *limit* over the types.
        """
        found = []
        for segments in self.segments(selection.type):
            runs, left = [], limit
            first = bisect_left(segments, seq + 1, key=lambda segment: segment.last_seq)
            for segment in segments[first:]:
                places = _selected(segment, selection)
                places = places[bisect_left(places, segment.after(seq)) :][:left]
                if places:
                    runs.append(Run(segment, places))
                    left -= len(places)
                if left <= 0:
                    break
            if runs:
                found.append(runs)
        return found


def up_to(found: Sequence[Sequence[Run]], seq: int) -> list[list[Run]]:
    """Those points of *found* whose number is at most *seq*."""
    left = []
    for runs in found:
        kept = []
        for run in runs:
            places = run.places[: bisect_left(run.seqs(), seq + 1)]
            if places:
                kept.append(Run(run.segment, places))
        if kept:
            left.append(kept)
    return left


def _newest(segments: Sequence[Segment], selection: Selection, limit: int | None) -> list[Run]:
    runs: list[Run] = []
    left = limit
    for segment in reversed(segments):
        places = _selected(segment, selection)
        if left is not None:
            places = places[max(0, len(places) - left) :]
            left -= len(places)
        if places:
            runs.append(Run(segment, places))
        if left == 0:
            break
    return runs


def _selected(segment: Segment, selection: Selection) -> Places:
    stop = segment.block.count
    if selection.before is not None:
        stop = bisect_left(segment.block.view("seq"), selection.before)
    places: Places = range(segment.dropped, stop)
    if selection.start is not None or selection.end is not None:
        places = _in_time(segment, places, selection.start, selection.end)
    if selection.plugin is not None and places:
        words = segment.block.spec("plugin").dictionary or ()
        code = words.index(selection.plugin) if selection.plugin in words else None
        owner = segment.block.view("plugin")
        places = [each for each in places if owner[each] == code] if code is not None else []
    return places


def _in_time(segment: Segment, places: Places, start: float | None, end: float | None) -> Places:
    times = segment.block.view("timestamp")
    low = float("-inf") if start is None else start
    high = float("inf") if end is None else end
    first, last = segment.times
    if low <= first and last <= high:
        return places
    if last < low or high < first:
        return []
    return [each for each in places if low <= times[each] <= high]


def _at(values: Any, places: Places) -> list[Any]:
    if isinstance(places, range):
        return list(values[places.start : places.stop])
    return [values[each] for each in places]

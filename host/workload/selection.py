"""Which points of the history are meant, and one page of them."""

from __future__ import annotations

import msgspec

PAGE_POINTS = 1_000  # of a query that names no limit
LARGEST_PAGE = 10_000


class Selection(msgspec.Struct, frozen=True):
    """Which points of the history are meant. `None` leaves a side open.

    Fields:
        type: Points of this request type alone.
        start, end: Milliseconds since the epoch, both included.
        limit: At most this many, the most recently recorded; >= 1.
        plugin: Points of requests that this plugin decided, and their outcomes; by its name.
        before: Points recorded before the one of this sequence number; what a page's cursor says.
    """

    type: str | None = None
    start: float | None = None
    end: float | None = None
    limit: int | None = None
    plugin: str | None = None
    before: int | None = None

    @property
    def page(self) -> int:
        """How many points one answer may hold."""
        return min(self.limit if self.limit is not None else PAGE_POINTS, LARGEST_PAGE)


class Page(msgspec.Struct, frozen=True):
    """Part of what was selected: the most recent of it, oldest first.

    Fields:
        points: Each as JSON, in the form of `WorkloadDataPoint.to_dict`.
        seqs: Their sequence numbers: points are counted as they are recorded, from 1.
        cursor: Says where the next page, of older points, ends: its `Selection.before`, as text. `None` when
            there are none.
    """

    points: list[msgspec.Raw]
    seqs: list[int]
    cursor: str | None = None

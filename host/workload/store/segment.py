"""A run of points of one type, as they are kept: a block of columns, and their lines.

Columns serve what looks at many points (filters, statistics, training), lines what hands points on as they
came. Small segments, as single requests make them, are merged later; see compaction.py.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zlib import crc32

from plugin_sdk.contract.columns import MISSING, Column, ColumnBlock, codes, numbers, pack
from plugin_sdk.contract.workload import WorkloadDataPoint

SEGMENT_POINTS = 4096
NAMED_COLUMNS = 256  # of usage and features; what is named beyond them stands in the lines alone
USAGE, NUMBER, TEXT = "resourceUsage.", "features.", "categories."


@dataclass(frozen=True)
class Segment:
    """Points of one type in the order they were recorded. Never changed, only replaced.

    Attributes:
        lines: Each point as JSON, joined by line feeds; `None` when they are on disk only.
        dropped: How many of the oldest are no longer history.
    """

    type: str
    block: ColumnBlock
    lines: bytes | None
    lines_crc: int
    lines_bytes: int
    dropped: int = 0

    @property
    def key(self) -> int:
        """Its name in the database: the sequence number of its first point."""
        return int(self.block.view("seq")[0])

    @property
    def last_seq(self) -> int:
        return int(self.block.view("seq")[-1])

    @property
    def count(self) -> int:
        """Points of it that are history."""
        return self.block.count - self.dropped

    @cached_property
    def times(self) -> tuple[float, float]:
        """The least and the greatest timestamp in it."""
        stamps = self.block.view("timestamp")
        return min(stamps), max(stamps)

    def after(self, seq: int) -> int:
        """Index of the first point recorded after the one of this number."""
        return max(self.dropped, bisect_left(self.block.view("seq"), seq + 1))

    def dropping(self, dropped: int) -> Segment:
        """Without its oldest points, *dropped* of them in all."""
        return replace(self, dropped=dropped)

    def without_lines(self) -> Segment:
        return replace(self, lines=None)


def make_segment(
    kind: str,
    points: Sequence[WorkloadDataPoint],
    lines: Sequence[bytes],
    seqs: Sequence[int],
    recorded_ms: float,
    plugins: Sequence[str | None],
) -> Segment:
    """A segment of *points*, all of type *kind*."""
    columns = [
        Column("seq", "i8", array("q", seqs)),
        numbers("recorded", [recorded_ms] * len(points)),
        numbers("timestamp", [point.timestamp for point in points]),
        numbers("duration", [point.duration for point in points]),
        Column("success", "u1", array("B", [point.success for point in points])),
        codes("plugin", plugins),
    ]
    left = NAMED_COLUMNS
    usages = [point.resource_usage for point in points]
    for name in _names(usages, left):
        columns.append(numbers(USAGE + name, [usage.get(name, math.nan) for usage in usages]))
        left -= 1
    features = [point.features for point in points]
    for name in _names(features, left):
        columns += _feature(name, [each.get(name) for each in features])
    joined = b"\n".join(lines)
    return Segment(kind, ColumnBlock(pack(len(points), columns)), joined, crc32(joined), len(joined))


def merge(segments: Sequence[Segment], lines: Sequence[bytes]) -> Segment:
    """One segment of the points that are history in *segments*, which follow each other.

    Args:
        lines: Of each segment, as it keeps them.
    """
    kept: list[bytes] = []
    for segment, text in zip(segments, lines, strict=True):
        kept += text.split(b"\n")[segment.dropped :]
    names: dict[str, str] = {}
    for segment in segments:
        for name in segment.block.names:
            names.setdefault(name, segment.block.spec(name).dtype)
    joined = b"\n".join(kept)
    block = ColumnBlock(pack(len(kept), [_merged(name, dtype, segments) for name, dtype in names.items()]))
    return Segment(segments[0].type, block, joined, crc32(joined), len(joined))


def _merged(name: str, dtype: str, segments: Sequence[Segment]) -> Column:
    if dtype == "i4":
        return _merged_codes(name, segments)
    values: array[Any] = array({"f8": "d", "i8": "q", "u1": "B"}[dtype])
    for segment in segments:
        if name in segment.block:
            values.frombytes(segment.block.raw(name)[segment.dropped * values.itemsize :])
        else:
            values.extend([math.nan] * segment.count)
    return Column(name, dtype, values)


def _merged_codes(name: str, segments: Sequence[Segment]) -> Column:
    known: dict[str, int] = {}
    values = array("i")
    for segment in segments:
        if name not in segment.block:
            values.extend([MISSING] * segment.count)
            continue
        words = segment.block.spec(name).dictionary or ()
        # A list indexed by the old code; its last place stands for -1, which is "none".
        anew = [known.setdefault(word, len(known)) for word in words] + [MISSING]
        values.extend([anew[code] for code in segment.block.view(name)[segment.dropped :]])
    return Column(name, "i4", values, tuple(known))


def _names(rows: Sequence[Mapping[str, Any]], most: int) -> list[str]:
    """Every name in the rows, sorted; over *most* of them, those that most rows have."""
    first = rows[0].keys()
    if all(row.keys() == first for row in rows):
        named = list(first)
    else:
        counts: dict[str, int] = {}
        for row in rows:
            for name in row:
                counts[name] = counts.get(name, 0) + 1
        named = sorted(counts, key=lambda name: (-counts[name], name))
    return sorted(named[: max(0, most)])


def _feature(name: str, values: Sequence[Any]) -> list[Column]:
    """A column for the numbers (true and false are 1 and 0), one for the texts, or both; lists and objects in none."""
    kinds = {type(value) for value in values}
    columns = []
    if kinds & {int, float, bool}:
        columns.append(numbers(NUMBER + name, [_number(value) for value in values]))
    if str in kinds:
        texts = values if kinds == {str} else [value if type(value) is str else None for value in values]
        columns.append(codes(TEXT + name, texts))
    return columns


def _number(value: Any) -> float:
    if not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # an integer larger than any double
        return math.nan

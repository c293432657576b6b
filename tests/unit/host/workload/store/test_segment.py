"""Segments: made, merged, and cut at their oldest end."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from host.workload.store.lines import encode_lines
from host.workload.store.retention import retain
from host.workload.store.segment import NAMED_COLUMNS, make_segment, merge
from plugin_sdk.contract.columns import ColumnBlock
from plugin_sdk.contract.workload import WorkloadDataPoint

VALUES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "c"]) | st.just([1])
FEATURES = st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2)
ROWS = st.lists(
    st.tuples(FEATURES, st.dictionaries(st.sampled_from(["cpu", "gpu"]), st.floats(0, 9), max_size=2)),
    min_size=1,
    max_size=12,
)


def segment_of(rows, first=1, recorded_ms=0.0):
    points = [
        WorkloadDataPoint(float(first + at), "t", usage, 1.0, True, {}, features)
        for at, (features, usage) in enumerate(rows)
    ]
    seqs = list(range(first, first + len(rows)))
    plugins = ["p" if seq % 2 else None for seq in seqs]
    return make_segment("t", points, encode_lines(points), seqs, recorded_ms, plugins)


def read(segment):
    """Each point's values out of the columns alone."""
    block = segment.block
    rows = []
    for at in range(segment.dropped, block.count):
        row = {}
        for name in block.names:
            value = block.texts(name)[at] if block.spec(name).dtype == "i4" else block.view(name)[at]
            if value is not None and not (isinstance(value, float) and math.isnan(value)):
                row[name] = value
        rows.append(row)
    return rows


@given(st.lists(ROWS, min_size=2, max_size=5), st.integers(0, 3))
def test_a_merged_segment_holds_what_its_parts_held(parts, dropped):
    segments, first = [], 1
    for rows in parts:
        segments.append(segment_of(rows, first))
        first += len(rows)
    segments[0] = segments[0].dropping(min(dropped, segments[0].block.count - 1))
    merged = merge(segments, [each.lines for each in segments])
    assert read(merged) == [row for each in segments for row in read(each)]
    assert merged.lines.split(b"\n") == [
        line for each in segments for line in each.lines.split(b"\n")[each.dropped :]
    ]
    assert merged.key == segments[0].key + segments[0].dropped


def test_a_feature_that_is_a_number_here_and_a_text_there_has_a_column_for_each():
    segment = segment_of([({"x": 1}, {}), ({"x": "many"}, {}), ({"x": True}, {}), ({"x": [1, 2]}, {})])
    assert segment.block.texts("categories.x") == [None, "many", None, None]
    numbers = list(segment.block.view("features.x"))
    assert numbers[0] == 1.0
    assert numbers[2] == 1.0
    assert math.isnan(numbers[1])
    assert math.isnan(numbers[3])


def test_a_flood_of_names_makes_no_flood_of_columns():
    segment = segment_of([({f"n{at}-{each}": 1 for each in range(50)}, {"cpu": 1.0}) for at in range(20)])
    assert len(segment.block.names) <= NAMED_COLUMNS + 10
    assert "resourceUsage.cpu" in segment.block


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 40), st.integers(0, 8))
def test_what_is_retained_is_the_newest_and_young_enough(sizes, points, since):
    segments, first = [], 1
    for at, size in enumerate(sizes):
        segments.append(segment_of([({}, {})] * size, first, recorded_ms=float(at)))
        first += size
    left = retain(segments, points, float(since))
    every = [(seq, at) for at, each in enumerate(segments) for seq in each.block.view("seq")]
    wanted = [seq for seq, at in every[max(0, len(every) - points) :] if at >= since]
    assert [seq for each in left.segments for seq in each.block.view("seq")[each.dropped :]] == wanted
    known = {each.key for each in segments}
    assert set(left.deleted) == known - {each.key for each in left.segments}


def test_a_block_that_is_cut_short_is_no_block():
    data = bytes(segment_of([({"x": 1}, {})] * 3).block.data)
    for size in (0, 3, 7, 20, len(data) - 8):
        try:
            ColumnBlock(data[:size])
        except ValueError as error:
            assert str(error)
        else:
            raise AssertionError(f"a block of {size} bytes was taken")

"""Which segments are merged, and that it comes to an end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.workload.store.compaction import to_merge
from host.workload.store.segment import SEGMENT_POINTS


@given(st.lists(st.integers(1, SEGMENT_POINTS), max_size=300))
def test_merging_ends_keeps_every_point_and_makes_no_segment_too_large(counts):
    total, steps = sum(counts), 0
    while (found := to_merge(counts)) is not None:
        start, stop = found
        assert stop - start >= 2
        merged = sum(counts[start:stop])
        assert merged <= SEGMENT_POINTS
        counts[start:stop] = [merged]
        steps += 1
    assert sum(counts) == total
    assert steps <= 300


def test_points_that_trickle_in_make_few_segments_and_are_rewritten_few_times():
    counts, rewritten = [], 0
    for _ in range(4_000):
        counts.append(1)
        while (found := to_merge(counts)) is not None:
            start, stop = found
            merged = sum(counts[start:stop])
            rewritten += merged
            counts[start:stop] = [merged]
    assert len(counts) < 140
    assert rewritten <= 4 * 4_000

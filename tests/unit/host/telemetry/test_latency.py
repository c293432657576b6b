"""Quantiles of the latest durations."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from host.telemetry.latency import LatencyWindow


def test_nothing_measured_has_no_quantile():
    assert LatencyWindow().quantile(0.5) is None


@given(
    st.lists(st.floats(0, 1e3), min_size=1, max_size=60),
    st.integers(1, 20),
    st.floats(0, 1, exclude_min=True),
)
def test_a_quantile_is_the_nearest_rank_of_the_newest_values(values, size, q):
    window = LatencyWindow(size)
    for value in values:
        window.add(value)
    newest = sorted(values[-size:])
    found = window.quantile(q)
    assert found == newest[max(1, math.ceil(q * len(newest))) - 1]
    below = sum(value <= found for value in newest)
    assert below >= q * len(newest) - 1e-9

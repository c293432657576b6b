"""The history in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.workload.collector import Selection, WorkloadCollector
from plugin_sdk.contract.workload import WorkloadDataPoint

TYPES = ["resource", "scheduling", "own-word"]
POINTS = st.lists(
    st.builds(
        WorkloadDataPoint,
        timestamp=st.integers(0, 20).map(float),
        request_type=st.sampled_from(TYPES),
        resource_usage=st.just({"cpu": 1.0}),
        duration=st.floats(0, 1e6),
        success=st.booleans(),
    ),
    max_size=40,
)
SELECTIONS = st.builds(
    Selection,
    type=st.none() | st.sampled_from(TYPES),
    start=st.none() | st.integers(0, 20).map(float),
    end=st.none() | st.integers(0, 20).map(float),
    limit=st.none() | st.integers(1, 30),
)


def holding(points, limit=100):
    collector = WorkloadCollector(limit)
    assert collector.record(points) == len(points)
    return collector


@given(POINTS, SELECTIONS)
def test_a_selection_is_the_newest_of_those_that_fit_oldest_first(points, wanted):
    fitting = [
        each
        for each in points
        if (wanted.type is None or each.request_type == wanted.type)
        and (wanted.start is None or each.timestamp >= wanted.start)
        and (wanted.end is None or each.timestamp <= wanted.end)
    ]
    if wanted.limit is not None:
        fitting = fitting[-wanted.limit :]
    collector = holding(points)
    assert collector.select(wanted) == fitting
    assert collector.training_format(wanted)["labels"] == [int(each.success) for each in fitting]


@given(POINTS, SELECTIONS)
def test_the_types_add_up_to_the_total(points, wanted):
    stats = holding(points).statistics(wanted)
    assert sum(each["count"] for each in stats["byType"].values()) == stats["totalRequests"]
    good = sum(each["count"] * each["successRate"] for each in stats["byType"].values())
    assert abs(good - stats["totalRequests"] * stats["successRate"]) < 1e-6
    assert 0 <= stats["successRate"] <= 1


@given(POINTS, st.integers(0, 50), st.integers(0, 20))
def test_what_came_since_is_what_is_still_here_of_it(points, seq, limit):
    collector = holding(points, limit)
    assert len(collector) == min(limit, len(points))
    assert collector.recorded == len(points)
    assert collector.since(seq) == points[max(seq, len(points) - limit) :]


def test_statistics_of_nothing_divide_by_nothing():
    assert WorkloadCollector().statistics() == {
        "totalRequests": 0,
        "successRate": 0.0,
        "avgDuration": 0.0,
        "byType": {},
    }


def test_the_seeds_default_is_kept_and_clear_forgets():
    point = WorkloadDataPoint(1.0, "resource", {}, 2.0, True)
    collector = holding([point] * 10_005, 10_000)
    assert len(collector) == len(WorkloadCollector().select()) + 10_000
    collector.clear()
    assert len(collector) == 0
    assert collector.recorded == 10_005

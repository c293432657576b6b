"""The same numbers offline and online, from points and from columns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_sdk import WorkloadDataPoint, WorkloadDataset
from plugin_sdk.contract.columns import Column, ColumnBlock, codes, numbers, pack
from plugin_sdk.features import FeatureBuilder

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-9, 9)
    | st.sampled_from(["a", "b"])
    | st.just([1])
)
FEATURES = st.lists(st.dictionaries(st.sampled_from(["x", "y", "user"]), VALUES), min_size=1, max_size=12)


def points(features):
    return [
        WorkloadDataPoint(float(n), ("t", "t", "other")[n % 3], {"cpu": n / 2}, 5.0, n % 2 == 0, {}, each)
        for n, each in enumerate(features)
    ]


def as_columns(features):
    """The same history as the host sends it in columns."""
    made = points(features)
    columns = [
        codes("requestType", [each.request_type for each in made]),
        numbers("timestamp", [each.timestamp for each in made]),
        numbers("duration", [each.duration for each in made]),
        Column("success", "u1", bytes(each.success for each in made)),
        numbers("resourceUsage.cpu", [each.resource_usage["cpu"] for each in made]),
    ]
    for name in dict.fromkeys(name for each in features for name in each):
        values = [each.get(name) for each in features]
        if any(isinstance(value, int | float) for value in values):
            columns.append(
                numbers(f"features.{name}", [v if isinstance(v, int | float) else np.nan for v in values])
            )
        if any(isinstance(value, str) for value in values):
            columns.append(codes(f"categories.{name}", [v if isinstance(v, str) else None for v in values]))
    return WorkloadDataset.of_columns(ColumnBlock(pack(len(made), columns)))


@given(FEATURES, FEATURES)
def test_one_input_and_a_table_get_the_same_numbers_however_the_history_came(history, asked):
    by_points, by_columns = FeatureBuilder().fit(points(history)), FeatureBuilder().fit(as_columns(history))
    assert by_points.spec() == by_columns.spec()
    again = FeatureBuilder.from_spec(json.loads(json.dumps(by_points.spec())))
    assert again.names == by_points.names
    online = np.array([again.row(each) for each in asked]).reshape(len(asked), -1)
    np.testing.assert_array_equal(by_points.table(points(asked)), online)
    np.testing.assert_array_equal(by_columns.table(as_columns(asked)), online)


def test_texts_are_codes_and_what_was_never_seen_is_unknown():
    builder = FeatureBuilder().fit(points([{"user": "mia", "n": 1}, {"user": "leo", "n": "many"}]))
    assert builder.names == ["n", "n=", "user"]
    assert builder.dictionaries == {"n=": ["many"], "user": ["mia", "leo"]}
    assert builder.row({"user": "leo", "n": 7}) == [7.0, -1.0, 1.0]
    assert builder.row({"user": "eve"})[2] == -1.0


def test_only_the_features_that_are_wanted():
    assert FeatureBuilder(["n"]).fit(points([{"user": "mia", "n": 1}])).names == ["n"]


@given(FEATURES, st.integers(-1, 12), st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=60)
def test_filters_of_columns_give_what_filters_of_points_give_and_are_columns_still(
    history, count, start, end
):
    by_columns, by_points = as_columns(history), WorkloadDataset(points(history))
    for ask in (
        lambda data: data.filter_by_type("t"),
        lambda data: data.filter_by_type("other"),
        lambda data: data.filter_by_time_range(start, end),
        lambda data: data.get_recent(count),
        lambda data: data.filter_by_time_range(start, end).get_recent(count).filter_by_type("t"),
    ):
        found, right = ask(by_columns), ask(by_points)
        assert len(found) == len(right)
        assert found.block is not None
        assert found.get_statistics() == right.get_statistics()
        assert found.array("timestamp").tolist() == right.array("timestamp").tolist()
        builder = FeatureBuilder().fit(by_points)
        np.testing.assert_array_equal(builder.table(found), builder.table(right))
        assert [each.timestamp for each in found] == [each.timestamp for each in right]
    assert not by_columns.get_recent(3).array("duration").flags["OWNDATA"], "a stretch is not copied"


def test_a_dataset_of_columns_is_a_dataset():
    features = [{"user": "mia", "n": 1.0}, {"n": 2.0}]
    by_columns, by_points = as_columns(features), WorkloadDataset(points(features))
    assert len(by_columns) == 2
    assert bool(by_columns)
    assert by_columns.array("features.n").tolist() == [1.0, 2.0]
    assert not by_columns.array("duration").flags["OWNDATA"], "no copy"
    assert not by_columns.array("duration").flags.writeable
    assert by_columns.texts("features.user") == by_points.texts("features.user") == ["mia", None]
    assert set(by_columns.columns) == set(by_points.columns)
    assert np.isnan(by_columns.array("features.absent")).all()
    assert list(by_columns) == list(by_points)
    assert by_columns.filter_by_type("t").get_statistics() == by_points.get_statistics()
    by_columns.add(by_points[0])
    assert len(by_columns.array("timestamp")) == 3
    with pytest.raises(KeyError):
        by_columns.array("colour")


def test_an_array_is_made_once():
    data = WorkloadDataset(points([{"n": 1}]))
    assert data.array("features.n") is data.array("features.n")

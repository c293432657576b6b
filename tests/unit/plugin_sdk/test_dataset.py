from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk import WorkloadDataPoint, WorkloadDataset
from plugin_sdk.jsonable import NotJsonError


def point(timestamp: float = 0.0, kind: str = "resource", duration: float = 5.0, success: bool = True):
    return WorkloadDataPoint(timestamp, kind, {"memory": 2, "cpu": 1.5}, duration, success, {}, {"procs": 4})


def test_features_are_timestamp_duration_and_usage_by_sorted_name() -> None:
    features, labels = WorkloadDataset([point(7), point(8, success=False)]).to_features_labels()
    assert features == [[7.0, 5.0, 1.5, 2.0], [8.0, 5.0, 1.5, 2.0]]
    assert all(type(each) is float for row in features for each in row)
    assert labels == [1, 0]


def test_statistics_are_of_all_and_by_type() -> None:
    data = WorkloadDataset([point(duration=10), point(duration=20, success=False), point(kind="scheduling")])
    assert data.get_statistics() == {
        "total_requests": 3,
        "success_rate": pytest.approx(2 / 3),
        "avg_duration": pytest.approx(35 / 3),
        "by_type": {
            "resource": {"count": 2, "success_rate": 0.5, "avg_duration": 15.0},
            "scheduling": {"count": 1, "success_rate": 1.0, "avg_duration": 5.0},
        },
    }


def test_statistics_of_nothing_are_zeros() -> None:
    nothing = {"total_requests": 0, "success_rate": 0.0, "avg_duration": 0.0, "by_type": {}}
    assert WorkloadDataset().get_statistics() == nothing


def test_a_time_range_includes_both_ends() -> None:
    data = WorkloadDataset([point(t) for t in (1, 2, 3, 4)])
    assert [p.timestamp for p in data.filter_by_time_range(2, 3)] == [2, 3]


def test_the_most_recent_zero_points_are_none() -> None:
    data = WorkloadDataset([point(t) for t in (1, 2, 3)])
    assert len(data.get_recent(0)) == 0
    assert len(data.get_recent(-1)) == 0
    assert [p.timestamp for p in data.get_recent(2)] == [2, 3]
    assert len(data.get_recent(99)) == 3


def test_it_is_a_sequence_with_slices_and_is_false_when_empty() -> None:
    data = WorkloadDataset([point(t) for t in (1, 2, 3)])
    assert data[-1].timestamp == 3
    assert [p.timestamp for p in data[:2]] == [1, 2]
    assert [p.timestamp for p in reversed(data)] == [3, 2, 1]
    assert data
    assert not WorkloadDataset()
    assert len(data.filter_by_type("scheduling")) == 0


def test_columns_are_arrays_with_nan_where_a_point_lacks_the_number() -> None:
    np = pytest.importorskip("numpy")
    odd = WorkloadDataPoint(9, "resource", {}, 1, False, None, {"procs": "many"})
    data = WorkloadDataset([point(7), odd])
    assert data.array("success").tolist() == [1.0, 0.0]
    assert data.array("resource_usage.cpu").dtype == np.float64
    assert data.array("resource_usage.cpu")[0] == 1.5
    assert math.isnan(data.array("resource_usage.cpu")[1])
    assert math.isnan(data.array("features.procs")[1])
    with pytest.raises(KeyError, match="no column 'cpu'; give one of timestamp"):
        data.array("cpu")


finite = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(
    WorkloadDataPoint,
    timestamp=finite,
    request_type=st.text(max_size=8),
    resource_usage=st.dictionaries(st.text(max_size=4), finite, max_size=3),
    duration=finite,
    success=st.booleans(),
    metadata=st.dictionaries(
        st.text(max_size=4), st.none() | st.booleans() | st.text(max_size=5), max_size=2
    ),
    features=st.dictionaries(st.text(max_size=4), finite, max_size=2),
    request_id=st.none() | st.text(min_size=1, max_size=5),
)


@given(st.lists(points, max_size=5))
def test_what_is_saved_is_loaded_the_same(tmp_path_factory: pytest.TempPathFactory, many) -> None:
    path = tmp_path_factory.mktemp("saved") / "points.json"
    WorkloadDataset(many).save(path)
    assert WorkloadDataset.load(path).data_points == many


def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    WorkloadDataset([point(1)]).save(path)
    with pytest.raises(NotJsonError, match=r"points\[0\]\.duration is nan"):
        WorkloadDataset([point(duration=math.nan)]).save(path)
    assert len(WorkloadDataset.load(path)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["points.json"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("{}", "holds a dict; give a list"),
        ('[{"timestamp": 1}]', "point 0 cannot be read: KeyError"),
        ("[5]", "point 0 cannot be read"),
    ],
)
def test_a_file_that_is_no_dataset_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        WorkloadDataset.load(path)

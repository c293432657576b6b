from __future__ import annotations

import pytest

from plugin_sdk import WorkloadDataPoint


def test_a_point_is_read_in_camel_and_in_snake_case() -> None:
    camel = {"timestamp": 1, "requestType": "a", "resourceUsage": {"cpu": 1}, "duration": 2, "success": True}
    snake = {
        "timestamp": 1,
        "request_type": "a",
        "resource_usage": {"cpu": 1},
        "duration": 2,
        "success": True,
    }
    assert WorkloadDataPoint.from_dict(camel) == WorkloadDataPoint.from_dict(snake)


def test_optional_members_are_written_only_when_set() -> None:
    bare = WorkloadDataPoint(1, "a", {}, 2, True, None)
    assert bare.to_dict().keys() == {
        "timestamp",
        "requestType",
        "resourceUsage",
        "duration",
        "success",
        "metadata",
    }
    full = WorkloadDataPoint(1, "a", {}, 2, True, {"k": 1}, {"f": 2}, "r")
    assert WorkloadDataPoint.from_dict(full.to_dict()) == full


def test_a_point_without_its_duration_is_no_point() -> None:
    with pytest.raises(KeyError, match="duration"):
        WorkloadDataPoint.from_dict({"timestamp": 1, "success": True})

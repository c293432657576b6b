"""Which of two models is better, by outcomes that neither was trained on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.workload.exam import LEAST, MOST, Result, accuracy, examine, held_out, predicted
from plugin_sdk.contract.workload import WorkloadDataPoint


def outcome(duration, success=True):
    return WorkloadDataPoint(0.0, "scheduling", {}, duration, success, {}, {"user": "mia"})


REQUEST = WorkloadDataPoint(0.0, "scheduling", {}, 1.0, True)


def test_the_newest_fifth_of_the_outcomes_is_held_out_and_too_few_are_no_exam():
    assert held_out([outcome(1.0)] * (LEAST * 5 - 1)) is None
    assert held_out([outcome(1.0)] * (LEAST * 5)) == LEAST * 4
    assert held_out([outcome(1.0)] * 5000) == 5000 - MOST
    assert held_out([REQUEST] * 5000) is None
    mixed = [outcome(1.0), REQUEST] * 100
    first = held_out(mixed)
    assert sum(bool(each.features) for each in mixed[first:]) == 20


def test_the_one_that_is_nearer_to_what_happened_is_better_and_a_missing_answer_is_wrong():
    points = [outcome(100.0), outcome(200.0)]
    result = examine(points, [90.0, 210.0], [{"expected_duration": 50.0}, None])
    assert (result.measure, result.examined) == ("duration", 2)
    assert result.candidate > 0.9
    assert result.serving == pytest.approx(0.25, abs=0.01)
    assert not result.is_worse
    assert examine(points, [50.0, None], [90.0, 210.0]).is_worse


def test_where_only_chances_are_predicted_they_are_measured():
    points = [outcome(1.0, True), outcome(1.0, False)]
    result = examine(points, [{"success_probability": 0.9}, {"success_probability": 0.1}], [None, None])
    assert result.measure == "success"
    assert result.candidate == pytest.approx(0.99)
    assert result.serving is None
    assert not result.is_worse


def test_what_cannot_be_measured_is_no_verdict():
    assert examine([outcome(1.0)], ["high"], [{"cpu": 3}]) == Result(None, 1)
    assert predicted("duration", True) is None
    assert predicted("duration", 10**400) is None
    assert predicted("duration", float("inf")) is None


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_accuracy_is_a_share_and_perfect_only_for_the_truth(said, true):
    assert 0 < accuracy(said, true) <= 1
    assert accuracy(true, true) == 1

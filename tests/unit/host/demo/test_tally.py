"""Answers in, numbers out."""

from __future__ import annotations

import pytest

from host.demo.tally import Predictions, Tally, accuracy, gain_over_builtin, quantile


def answer(**members: object) -> dict[str, object]:
    return {"success": True, "result": {}, "decidedBy": "a@1", "degraded": False, "candidates": [], **members}


def test_answers_are_counted_by_type_and_by_decider():
    tally = Tally()
    assert tally.take("resource", answer(), 3.0)
    assert tally.take("resource", answer(decidedBy="builtin:ffd", degraded=True), 5.0)
    of = tally.types["resource"]
    assert (of.asked, of.answered, of.degraded, dict(of.deciders)) == (2, 2, 1, {"a@1": 1, "builtin:ffd": 1})
    assert tally.unanswered == 0


@pytest.mark.parametrize(
    "bad", [{"success": False, "error": "no"}, {"success": True, "result": None}, None, 7]
)
def test_what_is_no_answer_counts_as_unanswered_and_is_kept_word_for_word(bad: object):
    tally = Tally()
    assert not tally.take("scheduling", bad, 1.0)
    assert tally.unanswered == 1
    assert sum(tally.failures.values()) == 1


def test_a_failed_call_and_an_infeasible_answer_are_unanswered():
    tally = Tally()
    tally.take_failure("scheduling", "connection refused")
    tally.take("scheduling", answer(), 1.0)
    tally.take_infeasible("scheduling", "job 7 does not fit")
    assert (tally.asked, tally.answered, tally.unanswered) == (2, 0, 2)
    assert set(tally.failures) == {"scheduling: connection refused", "scheduling: job 7 does not fit"}


def test_what_became_of_asking_each_plugin_is_counted_by_type_and_in_all():
    tally = Tally()
    late = {"by": "demo-saboteur@0.0.1", "status": "late"}
    failed = {"by": "demo-saboteur@0.0.1", "status": "failed"}
    good = {"by": "good@1", "status": "answered"}
    tally.take("scheduling", answer(candidates=[late, good]), 1.0)
    tally.take("resource", answer(candidates=[failed, good]), 1.0)
    assert tally.fates["scheduling", "demo-saboteur"] == {"late": 1}
    assert tally.fate("demo-saboteur") == {"late": 1, "failed": 1}
    assert tally.fate("good") == {"answered": 2}


@pytest.mark.parametrize(
    ("objective", "builtin", "gain"),
    [
        ([8.0], [10.0], 0.2),
        ([10.0], [8.0], -0.2),
        ([10.0], [10.0], 0.0),
        ([0.0, 3.0], [0.0, 4.0], 0.25),
        ([0.0, 5.0], [1.0, 4.0], 1.0),  # one item fewer left over is better, whatever it costs
        ([1.0, 4.0], [0.0, 5.0], -1.0),
    ],
)
def test_the_gain_is_told_by_the_first_member_that_differs(objective, builtin, gain):
    candidates = [{"by": "builtin:x", "objective": builtin}, {"by": "a@1", "objective": objective}]
    assert gain_over_builtin(objective, candidates) == pytest.approx(gain)


def test_without_a_builtin_or_an_objective_there_is_no_gain():
    assert gain_over_builtin([1.0], [{"by": "a@1", "objective": [1.0]}]) is None
    assert gain_over_builtin(None, [{"by": "builtin:x", "objective": [1.0]}]) is None
    assert gain_over_builtin([1.0], [{"by": "builtin:x"}]) is None


def test_quantiles_are_values_that_were_seen():
    assert quantile([], 0.5) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile(list(range(1, 101)), 0.99) == 99
    assert quantile([5.0], 0.99) == 5.0


def test_predictions_are_settled_once_and_only_for_jobs_that_were_predicted():
    predictions = Predictions({"a": 5_000.0})
    predictions.settle("a", 10_000.0, 40_000.0)
    predictions.settle("a", 10_000.0, 40_000.0)
    predictions.settle("b", 10_000.0, 40_000.0)
    assert predictions.predicted == [0.5]
    assert predictions.requested == [0.25]


def test_too_much_is_as_bad_as_too_little():
    assert accuracy(5_000, 10_000) == accuracy(10_000, 5_000) == 0.5
    assert accuracy(0, 0) == 1.0

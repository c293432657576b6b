"""Outcomes find the request they belong to, and teach weights, intervals and whom to follow."""

from __future__ import annotations

import pytest

from host.engine.learning.guard import GuardConfig
from host.engine.learning.hedge import EPOCH
from host.engine.learning.ledger import JOBS_AN_EPOCH, TOGETHER, Ledger
from plugin_sdk.contract.problems.queue import parse_queue
from plugin_sdk.contract.workload import WorkloadDataPoint


def point(request_id, duration=100.0, **metadata):
    return WorkloadDataPoint(0.0, "scheduling", {"cpu": 2.0}, duration, True, metadata, request_id=request_id)


def test_outcomes_move_the_weights_of_predictions_and_confidence_counts_only_before():
    ledger = Ledger()
    assert ledger.weights(["good", "bad"], [None, 0.9]) == [0.5, 0.9]
    for n in range(32):
        ledger.predicted(f"r{n}", {"good": 100.0, "bad": {"expected_duration": 900.0, "cpu": 9.0}})
        ledger.outcomes([point(f"r{n}")], now=0)
    good, bad = ledger.weights(["good", "bad"], [None, 0.9])
    assert good > 0.75 > bad and good + bad == pytest.approx(1)


def test_an_interval_is_said_once_there_are_enough_outcomes():
    ledger = Ledger()
    for n in range(30):
        ledger.predicted(f"r{n}", {"p": {"expected_duration": 90.0, "cpu": 2.0, "note": "x"}})
        ledger.outcomes([point(f"r{n}")], now=0)
    assert ledger.interval("p", {"expected_duration": 50.0, "cpu": 3.0}) == {
        "expected_duration": [40.0, 60.0],
        "cpu": [3.0, 3.0],
    }
    assert ledger.interval("stranger", 5.0) is None


def test_the_callers_own_word_on_what_was_realised_is_taken():
    ledger = Ledger()
    for n in range(30):
        ledger.predicted(f"r{n}", {"p": 7.0})
        ledger.outcomes([point(f"r{n}", realised=7.5)], now=0)
    assert ledger.interval("p", 1.0) == {"": [0.5, 1.5]}


def test_a_decider_that_costs_more_than_the_built_in_is_set_aside():
    ledger = Ledger(GuardConfig(enough=5))
    for n in range(5):
        ledger.decided(f"r{n}", "placement", "p@1")
        assert ledger.aside("placement", "p@1", now=0) is None
        ledger.outcomes([point(f"r{n}", cost=3.0, builtinCost=2.0)], now=0)
    assert "cost 1.50 times what the built-in would have" in ledger.aside("placement", "p@1", now=1)
    assert ledger.aside("resource", "p@1", now=1) is None
    assert ledger.statistics()["placement p@1"].state == "aside"


def test_without_the_callers_word_the_built_ins_own_decisions_are_the_measure():
    ledger = Ledger(GuardConfig(enough=5))
    for n in range(10):
        ledger.decided(f"b{n}", "resource", "builtin:x")
        ledger.outcomes([point(f"b{n}", cost=1.0)], now=0)
    for n in range(5):
        ledger.decided(f"p{n}", "resource", "p@1")
        ledger.outcomes([point(f"p{n}", cost=1.5)], now=0)
    assert ledger.aside("resource", "p@1", now=0) is not None


def test_a_queue_is_held_against_easy_played_on_the_same_jobs():
    """A decider that lets every job wait an hour is found out; one that starts them as they come is not."""
    for delay, is_aside in ((3_600_000.0, True), (0.0, False)):
        ledger = Ledger(GuardConfig(enough=JOBS_AN_EPOCH))
        for n in range(JOBS_AN_EPOCH):
            submit = n * 100_000.0
            problem = parse_queue(
                {
                    "jobs": [{"id": f"j{n}", "submit": submit, "procs": 2, "requestedTime": 60_000}],
                    "cluster": {"procs": 4},
                    "now": submit + delay,
                }
            )
            ledger.started(f"r{n}", problem, [f"j{n}"], "p@1")
            ledger.outcomes([point(f"r{n}", duration=30_000.0)], now=0)
        assert (ledger.aside("queue", "p@1", now=1) is not None) == is_aside


def test_outcomes_of_nobodys_request_and_the_hosts_own_records_teach_nothing():
    ledger = Ledger()
    ledger.predicted("r", {"p": 1.0})
    ledger.outcomes([point(None), point("unknown"), point("r", source="request")], now=0)
    assert ledger.statistics() == {}


def test_an_equal_request_shares_what_was_advised():
    ledger = Ledger(GuardConfig(enough=1))
    ledger.decided("one", "resource", "p@1")
    ledger.same("two", "one")
    ledger.outcomes([point("two", cost=9.0, builtinCost=1.0)], now=0)
    assert ledger.aside("resource", "p@1", now=0) is not None


def test_a_job_that_goes_on_holds_processors_in_the_shadow_too():
    """Short jobs waited for a long one that still runs: they would have waited under EASY as well."""
    ledger = Ledger(GuardConfig(enough=1))
    hour = 3_600_000.0

    def jobs(*rows, now):
        sent = [
            {"id": name, "submit": submit, "procs": 4, "requestedTime": long} for name, submit, long in rows
        ]
        return parse_queue({"jobs": sent, "cluster": {"procs": 4}, "now": now})

    ledger.started("long", jobs(("long", 0.0, 10 * hour), now=0.0), ["long"], "p@1")
    for n in range(JOBS_AN_EPOCH):
        at = 10 * hour + n * 20_000.0
        ledger.started(f"r{n}", jobs((f"j{n}", 1.0, 20_000.0), now=at), [f"j{n}"], "p@1")
        ledger.outcomes([point(f"r{n}", duration=20_000.0)], now=0)
    assert ledger.aside("queue", "p@1", now=1) is None


def test_what_several_decided_before_their_weights_moved_is_not_held_against_what_they_decide_after():
    ledger = Ledger(GuardConfig(enough=20))
    support = {"bad@1": 1.0, "good@1": 0.0, "builtin": 0.0}
    for n in range(EPOCH + 19):
        ledger.decided(f"r{n}", "one-task", TOGETHER, support)
        ledger.outcomes([point(f"r{n}", cost=3.0 if n < EPOCH else 0.9, builtinCost=1.0)], now=0)
    assert ledger.aside("one-task", TOGETHER, now=0) is None
    for n in range(40):
        ledger.decided(f"s{n}", "one-task", TOGETHER, support)
        ledger.outcomes([point(f"s{n}", cost=3.0, builtinCost=1.0)], now=0)
    assert ledger.aside("one-task", TOGETHER, now=0) is not None

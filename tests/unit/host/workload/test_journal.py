"""Requests as points of history."""

from __future__ import annotations

from host.clock import SystemClock
from host.workload.collector import WorkloadCollector
from host.workload.journal import Journal
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.problems.request import OptimizeRequest


def recorded(data, *, score=0.5, success=True):
    collector = WorkloadCollector()
    journal = Journal(collector, SystemClock())
    answer = Answer(
        request_id="r",
        success=success,
        metrics=AnswerMetrics(12, score),
        decided_by="builtin:x",
        strategy="best",
        degraded=False,
        candidates=[],
    )
    journal.record(OptimizeRequest("r", "resource", data), answer)
    assert journal.size() == 1
    return collector.select()[0]


def test_a_request_becomes_a_point_with_what_was_asked_and_how_it_ended():
    point = recorded({"nodeCapacity": {"cpu": 4, "memory": 16.5}})
    assert point.resource_usage == {"cpu": 4.0, "memory": 16.5, "score": 0.5}
    assert (point.request_type, point.duration, point.success, point.request_id) == (
        "resource",
        12.0,
        True,
        "r",
    )
    assert point.metadata["decidedBy"] == "builtin:x"


def test_what_is_no_amount_is_left_out_and_no_score_is_no_usage():
    point = recorded({"nodeCapacity": {"cpu": True, "gpu": "A100", "memory": None}}, score=0.0, success=False)
    assert point.resource_usage == {}
    assert not point.success
    assert recorded({"nodeCapacity": [1]}).resource_usage == {"score": 0.5}


def test_an_amount_larger_than_any_float_is_left_out():
    assert recorded({"nodeCapacity": {"cpu": 10**400, "memory": 1}}).resource_usage == {
        "memory": 1.0,
        "score": 0.5,
    }

"""What goes on the wire is what the contract's own parsers take."""

from __future__ import annotations

import msgspec

from host.demo.cluster import Started, Timeline
from host.demo.knob import DEFAULT, PARAMETERS
from host.demo.questions import (
    GIB,
    NODE_MEMORY_BYTES,
    NODE_PROCS,
    lots,
    memory_per_proc_bytes,
    outcome,
    packing_request,
    predicted_ms,
    queue_request,
    run_time_request,
    tuning_request,
)
from host.traces.job import TraceJob
from plugin_sdk.contract.problems import PackingProblem, parse_problem, parse_request
from plugin_sdk.contract.problems.queue import QueueProblem
from plugin_sdk.contract.workload import WorkloadDataPoint

JOB = TraceJob("7", 3600.0, 100.0, 40, 200.0, "u3")


def sent(request: dict[str, object]) -> object:
    """The problem as the host sees it, after a trip over the wire."""
    return parse_problem(parse_request(msgspec.json.decode(msgspec.json.encode(request))))


def test_the_queue_is_sent_in_milliseconds():
    timeline = Timeline([JOB], 64)
    timeline.advance()
    problem = sent(queue_request("q", timeline.problem()))
    assert isinstance(problem, QueueProblem)
    assert (problem.now, problem.jobs[0].submit, problem.jobs[0].requested_time) == (3.6e6, 3.6e6, 2e5)
    assert problem.jobs[0].user == "u3"


def test_a_prediction_is_asked_with_what_is_known_beforehand_only():
    request = run_time_request("p", JOB)
    sent(request)
    assert request["data"] == {
        "type": "scheduling",
        "user": "u3",
        "procs": 40,
        "requestedTime": 200_000.0,
        "submitHour": 1.0,
    }


def test_a_job_larger_than_a_node_is_packed_as_tasks_of_a_nodes_size_and_a_rest():
    problem = sent(packing_request("r", [Started(JOB, 0.0, None)], seed=1))
    assert isinstance(problem, PackingProblem)
    assert [item.demand["cpu"] for item in problem.items] == [NODE_PROCS, NODE_PROCS, 8]
    assert all(item.demand["memory"] <= NODE_MEMORY_BYTES for item in problem.items)


def test_memory_is_the_traces_own_or_the_same_draw_at_every_question():
    assert memory_per_proc_bytes(msgspec.structs.replace(JOB, memory_bytes=5.0), 1) == 5.0
    assert memory_per_proc_bytes(JOB, 1) == memory_per_proc_bytes(JOB, 1)
    assert memory_per_proc_bytes(JOB, 1) != memory_per_proc_bytes(JOB, 2)
    assert 0.25 * GIB <= memory_per_proc_bytes(JOB, 1) <= 4 * GIB


def test_the_knobs_are_a_problem_the_host_takes():
    sent(tuning_request("t", PARAMETERS, [{"params": DEFAULT, "value": 3.5}]))


def test_an_outcome_names_the_decision_it_belongs_to():
    point = WorkloadDataPoint.from_dict(outcome(Started(JOB, 3_700_000.0, "demo-queue-1")))
    assert (point.duration, point.success, point.request_id) == (100_000.0, True, "demo-queue-1")
    assert point.resource_usage == {"procs": 40.0, "cpuSeconds": 4000.0}
    assert point.metadata == {"jobId": "7", "waitMs": 100_000.0}


def test_a_job_that_was_killed_at_its_limit_did_not_succeed():
    point = outcome(Started(msgspec.structs.replace(JOB, run_s=300.0), 0.0, None))
    assert (point["duration"], point["success"]) == (200_000.0, False)


def test_a_predicted_run_time_is_a_number_or_a_member_of_an_object():
    assert predicted_ms({"prediction": 5}) == 5.0
    assert predicted_ms({"prediction": {"expected_duration": 7.5}}) == 7.5
    for nothing in (None, {}, {"prediction": True}, {"prediction": {"x": 1}}, {"prediction": float("nan")}):
        assert predicted_ms(nothing) is None


def test_lots_keep_order_and_lose_nothing():
    points = [{"n": number} for number in range(45)]
    assert [len(lot) for lot in lots(points, 20)] == [20, 20, 5]
    assert [point for lot in lots(points, 20) for point in lot] == points

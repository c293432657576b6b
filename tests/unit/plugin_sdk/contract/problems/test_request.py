from __future__ import annotations

from typing import Any

import pytest

from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PredictionProblem,
    ProblemError,
    QueueProblem,
    TuningProblem,
    parse_problem,
    parse_request,
)

PACK = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
TASK = {"id": "t", "cpuRequired": 1, "memoryRequired": 1}
ONE = {"task": TASK, "nodes": [{"id": "n", "cpuLoad": 1, "memoryLoad": 1}]}
QUEUE = {
    "jobs": [{"id": "j", "submit": 0, "procs": 1, "requestedTime": 5}],
    "cluster": {"procs": 2},
    "now": 1,
}
TUNE = {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}]}


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        ("resource", PACK, PackingProblem),
        ("scheduling", ONE, OneTaskProblem),
        ("scheduling", QUEUE, QueueProblem),
        ("performance", TUNE, TuningProblem),
        ("ml-driven", {"anything": 1}, PredictionProblem),
    ],
)
def test_each_type_has_its_problem(kind: str, data: dict[str, Any], problem: type) -> None:
    assert isinstance(parse_problem(parse_request({"id": "r", "type": kind, "data": data})), problem)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "resorce"}, r"type is \"resorce\"; give one of .*did you mean 'resource'\?"),
        ({"id": ""}, "id is .*; give a text of 1 to 256 characters"),
        ({"id": 5}, "id is 5; give a text"),
        ({"data": []}, r"data is \[\]; give an object"),
        ({"strategy": "bets"}, 'strategy is "bets"; give priority, best or ensemble'),
        ({"deadlineMs": 0}, "deadlineMs is 0.*; give a number of milliseconds above 0"),
        ({"deadlineMs": float("nan")}, "deadlineMs is .*above 0"),
        ({"constraint": {}}, r"constraint is {}; give only the members .*did you mean 'constraints'\?"),
    ],
)
def test_a_malformed_request_names_member_value_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        parse_request({"id": "r", "type": "resource", "data": PACK, **change})


def test_a_request_that_is_no_object_or_lacks_a_member_is_refused() -> None:
    with pytest.raises(ProblemError, match="an object with the members id, type and data"):
        parse_request([])
    with pytest.raises(ProblemError, match="data is missing"):
        parse_request({"id": "r", "type": "resource"})


def test_scheduling_without_a_task_or_jobs_says_what_it_could_be() -> None:
    with pytest.raises(ProblemError, match="a task with nodes, pods with nodes, or jobs"):
        parse_problem(parse_request({"id": "r", "type": "scheduling", "data": {}}))


def test_a_constraint_nobody_understands_is_refused_not_ignored() -> None:
    request = {"id": "r", "type": "ml-driven", "data": {}, "constraints": {"soon": True}}
    with pytest.raises(ProblemError, match=r"constraints\.soon is true; give no constraints for ml-driven"):
        parse_problem(parse_request(request))

from __future__ import annotations

from typing import Any

import pytest

from plugin_sdk.contract.problems import ProblemError, parse_queue

JOB = {"id": "j", "submit": 0, "procs": 2, "requestedTime": 50}
RUN = {"id": "r", "procs": 3, "start": 0, "requestedTime": 40}
DATA: dict[str, Any] = {"jobs": [JOB], "running": [RUN], "cluster": {"procs": 4}, "now": 10}


def test_a_queue_knows_what_is_idle_and_when_jobs_end_by() -> None:
    problem = parse_queue(DATA)
    assert problem.free_procs == 1
    assert problem.running[0].ends_by(10) == 40
    assert problem.running[0].ends_by(90) == 90


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": [{**JOB, "procs": 5}]}, r"data.jobs\[0\].procs is 5; give at most the cluster's 4"),
        ({"jobs": [{**JOB, "procs": 0}]}, r"data.jobs\[0\].procs is 0; give an integer >= 1"),
        ({"jobs": [{**JOB, "submit": 11}]}, "a time no later than now, 10"),
        ({"jobs": [JOB, JOB]}, "an id of its own"),
        ({"jobs": [JOB, {**JOB, "id": "r"}]}, "an id of its own"),
        ({"running": [RUN, {**RUN, "id": "s"}]}, "data.running is 6; give running jobs of at most 4"),
        ({"reservations": [{"job": "x", "start": 1}]}, "the id of a job in data.jobs"),
        ({"now": "later"}, 'data.now is "later"; give a number of 0 or more'),
    ],
)
def test_a_malformed_queue_names_path_value_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        parse_queue({**DATA, **change})

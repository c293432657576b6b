"""Any request at all: a typed problem, or one clear error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from plugin_sdk.contract.workload import REQUEST_TYPES

PACKING = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
ONE_TASK = {
    "task": {"id": "t", "cpuRequired": 1, "memoryRequired": 1},
    "nodes": [{"id": "n", "cpuLoad": 1, "memoryLoad": 1}],
}
QUEUE = {
    "jobs": [{"id": "j", "submit": 0, "procs": 1, "requestedTime": 5}],
    "running": [],
    "cluster": {"procs": 4},
    "now": 1,
}
TUNING = {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}], "observations": []}
GOOD = [
    ("resource", PACKING, PackingProblem),
    ("scheduling", ONE_TASK, OneTaskProblem),
    ("scheduling", QUEUE, QueueProblem),
    ("performance", TUNING, TuningProblem),
    ("ml-driven", {"anything": 1}, PredictionProblem),
]


@pytest.mark.parametrize(("kind", "data", "problem"), GOOD)
def test_each_type_of_request_has_its_problem(kind, data, problem):
    request = parse_request({"id": "1", "type": kind, "data": data})
    assert type(parse_problem(request)) is problem


def test_a_scheduling_request_of_no_known_shape_says_what_there_is():
    with pytest.raises(ProblemError, match="a task with nodes, pods with nodes, or jobs"):
        parse_problem(parse_request({"id": "1", "type": "scheduling", "data": {}}))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_whatever_is_put_in_the_place_of_one_value_gives_a_problem_or_an_error_that_names_it(data):
    kind, good, _ = data.draw(st.sampled_from(GOOD))
    spoilt = _spoil(good, data)
    try:
        parse_problem(parse_request({"id": "1", "type": kind, "data": spoilt}))
    except ProblemError as error:
        assert error.expected
        assert len(str(error)) < 700


@given(
    JSON | st.fixed_dictionaries({"id": JSON, "type": st.sampled_from(REQUEST_TYPES) | JSON, "data": JSON})
)
def test_any_json_at_all_is_a_request_or_an_error(value):
    try:
        parse_problem(parse_request(value))
    except ProblemError as error:
        assert str(error)


def _spoil(value, data):
    """*value* with one of its parts, at any depth, replaced or left out."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        rest = {name: each for name, each in value.items() if name != key}
        if data.draw(st.integers(0, 4)) == 0:
            return rest
        return {**rest, key: _spoil(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [_spoil(value[0], data), *value[1:], *(value if data.draw(st.booleans()) else [])]
    return data.draw(JSON)

"""What a glance at a request tells: never something that reading it would not."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.gateway.peek import Glance, glance

DATA = {"items": [{"id": "a"}, {"id": "b"}], "nodeCapacity": {"cpu": 1}}
REQUEST = {"id": "r", "type": "resource", "data": DATA}


def call(params=REQUEST, **more):
    return json.dumps(
        {"jsonrpc": "2.0", "id": 7, "method": "engine.optimize", "params": params, **more}
    ).encode()


@pytest.mark.parametrize("request_id", [7, "seven", 1.5, None])
def test_a_call_to_the_engine_is_known_by_its_size_and_its_id(request_id):
    assert glance(call(id=request_id), is_call=True) == Glance(2, math.inf, "r", request_id)


def test_a_notification_has_no_id():
    seen = glance(b'{"jsonrpc":"2.0","method":"engine.optimize","params":{"data":{}}}', is_call=True)
    assert seen == Glance(0, math.inf, "", msgspec.UNSET)


def test_of_two_deadlines_the_shorter_counts():
    request = {**REQUEST, "deadlineMs": 500, "_meta": {"deadlineMs": 200}}
    assert glance(call(request), is_call=True).deadline_s == 0.2
    assert glance(json.dumps(request).encode(), is_call=False).deadline_s == 0.2


def test_the_bare_request_of_rest_is_known_by_its_own_id():
    assert glance(json.dumps(REQUEST).encode(), is_call=False) == Glance(2, math.inf, "r")


def test_jobs_count_as_items_do():
    assert glance(call({"data": {"jobs": [1, 2, 3]}}), is_call=True).entries == 3


@pytest.mark.parametrize(
    "body",
    [
        call(method="host.info"),
        b"[" + call() + b"]",
        call(id=True),
        call({"data": 3}),
        call({"data": {"items": 3}}),
        call({**REQUEST, "deadlineMs": "soon"}),
        b"",
        b"\xff",
        b'{"method": "engine.optimize"',
        b"[" * 100_000,
    ],
)
def test_what_is_something_else_or_no_request_at_all_is_left_to_the_reader(body):
    assert glance(body, is_call=True) is None


@given(st.binary(max_size=200))
def test_any_bytes_may_be_glanced_at(body):
    assert glance(body, is_call=True) is None

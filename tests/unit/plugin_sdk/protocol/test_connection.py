from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.protocol import (
    Connection,
    ConnectionLimits,
    FrameTooLargeError,
    Junk,
    NotificationReceived,
    RequestReceived,
    ResponseReceived,
    Role,
    StrayResponse,
)
from plugin_sdk.protocol.connection import TRANSITIONS, ConnectionState, StateError, Step, error_for_unready

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "1.0", 2]),
        "id": st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.floats(allow_nan=False),
        "method": st.text(max_size=5) | st.integers(),
        "params": json_values,
        "result": json_values,
        "error": json_values | st.just({"code": 1, "message": "m"}),
    },
).map(lambda message: json.dumps(message).encode())


def ready(role: Role = Role.HOST) -> Connection:
    connection = Connection(role)
    connection.step(Step.INITIALIZED)
    return connection


@given(st.binary(max_size=80) | messages)
@pytest.mark.fault("wire-any-bytes")
def test_any_bytes_are_taken_in_as_one_event_a_line_and_never_raise(data: bytes) -> None:
    events = ready().receive(data + b"\n")
    assert len(events) == sum(1 for line in (data + b"\n").split(b"\n") if line and not line.isspace())
    for event in events:
        if isinstance(event, Junk):
            assert event.why
            assert event.quote[:20] in data


@given(st.lists(messages | st.binary(max_size=20), max_size=5), st.lists(st.integers(0, 2000), max_size=6))
@pytest.mark.fault("wire-any-cuts")
def test_a_conversation_means_the_same_wherever_its_bytes_are_cut(
    lines: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    whole = ready().receive(data)
    pieced, connection = [], ready()
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    for a, b in zip([0, *at], [*at, len(data)], strict=True):
        pieced += connection.receive(data[a:b])
    assert pieced == whole


@given(st.lists(messages | st.binary(max_size=20), min_size=1, max_size=2), st.booleans(), st.booleans())
def test_what_is_one_line_need_not_be_cut(lines: list[bytes], ended: bool, begun: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    connection = ready()
    if begun:
        connection.lines(b" ")
    if data and connection.is_lone(data):
        assert not begun
        assert connection.lines(data) == [data[:-1]]


@given(messages | st.binary(max_size=20), st.booleans())
def test_the_quick_way_says_what_receive_says_or_nothing(line: bytes, ended: bool) -> None:
    line = line.replace(b"\n", b" ") + (b"\n" if ended else b"")
    connection = ready()
    answer, request = connection.plain_answer(line), connection.plain_request(line)
    event = ready().event(line)
    assert answer is None or request is None
    if answer is None and request is None:
        return
    if request is not None:
        assert isinstance(event, RequestReceived)
        assert (request.id, request.method) == (event.id, event.method)
        assert (request.params or None) == event.params
    else:
        assert isinstance(event, StrayResponse)
        assert answer.id == event.id


@pytest.mark.parametrize(
    "junk", [b'{"jsonrpc":"2.0","id":1,\n"result":1}\n', b'{"jsonrpc":"2.0","id":1,"method":"\xff"}\n']
)
def test_the_quick_way_takes_nothing_that_receive_would_call_junk(junk: bytes) -> None:
    connection = ready()
    for line in (junk,) if connection.is_lone(junk) else connection.lines(junk):
        assert connection.plain_answer(line) is None
        assert connection.plain_request(line) is None


def test_a_line_that_need_not_be_cut_is_held_to_the_frame_limit() -> None:
    line = b'{"jsonrpc":"2.0","id":1,"result":"%b"}\n' % (b"x" * 50)
    for limit, taken in ((len(line) - 1, True), (len(line) - 2, False)):
        connection = Connection(Role.HOST, ConnectionLimits(frame_bytes=limit))
        assert connection.is_lone(line) is taken


@given(st.lists(st.sampled_from(["request", "answer", "give up", "again", "unknown"]), max_size=30))
def test_each_request_is_answered_once_given_up_or_open(steps: list[str]) -> None:
    connection = ready()
    waiting: list[int] = []
    gone: list[int] = []
    late: list[int] = []
    for number, step in enumerate(steps):
        if step == "request":
            request_id, line = connection.request("ping", b"{}", token=number)
            assert msgspec.json.decode(line)["id"] == request_id
            waiting.append(request_id)
        elif step == "answer" and waiting:
            request_id = waiting.pop()
            (event,) = connection.receive(connection.result(request_id, b"{}"))
            assert isinstance(event, ResponseReceived)
            assert event.id == request_id
            gone.append(request_id)
        elif step == "give up" and waiting:
            late.append(waiting.pop(0))
            connection.give_up(late[-1])
        elif step == "again" and gone:
            (event,) = connection.receive(connection.result(gone[-1], b"{}"))
            assert event == StrayResponse(gone[-1], late=False)
        elif step == "unknown":
            (event,) = connection.receive(connection.result(10_000, b"{}"))
            assert event == StrayResponse(10_000, late=False)
        assert len(connection.open) == len(waiting)
    for request_id in late:
        (event,) = connection.receive(connection.result(request_id, b"{}"))
        assert event == StrayResponse(request_id, late=True)
    assert sorted(request_id for request_id, _ in connection.drain_open()) == sorted(waiting)
    assert connection.state is ConnectionState.CLOSED


def test_requests_and_notifications_of_the_peer_are_told_apart() -> None:
    events = ready(Role.PLUGIN).receive(
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1}}\n\n{"jsonrpc":"2.0","method":"log"}\n'
    )
    assert events == [
        RequestReceived(1, "ping", msgspec.Raw(b'{"a":1}')),
        NotificationReceived("log", None),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"rubbish", ErrorCode.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"a","params":' + b"[" * 5000, ErrorCode.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', ErrorCode.PARSE_ERROR),
        (b"[1]", ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"a"}', ErrorCode.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"result":1}', None),
        (b'{"jsonrpc":"2.0","id":1}', None),
    ],
)
def test_a_line_that_is_no_message_is_junk_with_what_the_peer_is_told(line: bytes, code: object) -> None:
    (event,) = ready().receive(line + b"\n")
    assert isinstance(event, Junk)
    assert event.code == code


def test_a_peer_is_held_to_the_frame_limit_agreed_on() -> None:
    connection = Connection(Role.PLUGIN, ConnectionLimits(frame_bytes=50))
    line = b'{"jsonrpc":"2.0","method":"log","params":{"a":"%b"}}\n' % (b"x" * 50)
    connection.limit_frames(500)
    assert len(connection.receive(line)) == 1
    connection.limit_frames(50)
    with pytest.raises(FrameTooLargeError):
        connection.receive(line)


def test_only_initialize_and_shutdown_may_be_sent_to_a_new_peer() -> None:
    connection = Connection(Role.HOST)
    with pytest.raises(StateError, match="predict cannot be sent while the connection is new"):
        connection.request("predict", b"{}", token=None)
    connection.request("initialize", b"{}", token=None)
    connection.step(Step.INITIALIZED)
    connection.request("predict", b"{}", token=None)
    connection.step(Step.SHUTDOWN)
    with pytest.raises(StateError, match="closing"):
        connection.request("predict", b"{}", token=None)


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_a_connection_never_comes_back_from_closed(steps: list[Step]) -> None:
    connection, closed = Connection(Role.HOST), False
    for step in steps:
        connection.step(step)
        closed = closed or connection.state is ConnectionState.CLOSED
        assert closed == (connection.state is ConnectionState.CLOSED)
    assert TRANSITIONS.keys() == set(ConnectionState)


def test_what_came_too_early_or_too_late_is_told_apart() -> None:
    assert error_for_unready(ConnectionState.NEW)[0] is ErrorCode.NOT_INITIALIZED
    assert error_for_unready(ConnectionState.CLOSING)[0] is ErrorCode.DRAINING

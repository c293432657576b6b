from __future__ import annotations

import time

import pytest

from plugin_sdk.context import CURRENT, Call, CallContext
from plugin_sdk.contract.messages import Meta, ProgressParams
from plugin_sdk.failures import LateError


def test_outside_of_a_call_there_is_no_deadline_and_nobody_cancels() -> None:
    context = CallContext(None)
    assert context.remaining_s is None
    assert not context.cancelled
    assert not context.should_stop
    context.progress(0.5)


def test_a_call_that_is_late_already_is_not_begun() -> None:
    call = Call(1, "predict", None, time.monotonic() - 1.0)
    with pytest.raises(LateError, match="deadline of 500 ms passed before predict was begun"):
        call.begin(Meta(deadline_ms=500))


def test_the_time_left_runs_from_when_the_call_was_read() -> None:
    call = Call(1, "predict", None, time.monotonic())
    call.begin(Meta(deadline_ms=60_000))
    left = CallContext(call).remaining_s
    assert left is not None
    assert 0 < left <= 60
    call.deadline = time.monotonic() - 1
    assert CallContext(call).remaining_s == 0.0
    assert CallContext(call).should_stop


def test_progress_is_sent_under_the_token_the_host_gave() -> None:
    sent: list[ProgressParams] = []
    call = Call(1, "train", None, time.monotonic(), send_progress=sent.append)
    CallContext(call).progress(0.1)
    call.begin(Meta(progress_token="t"))
    token = CURRENT.set(call)
    try:
        CallContext.current().progress(0.5, "half")
    finally:
        CURRENT.reset(token)
    assert sent == [ProgressParams("t", 0.5, "half")]

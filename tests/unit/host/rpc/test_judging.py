"""What the end of a call says of the plugin: which failures open its circuit, and which are nobody's or the caller's."""

from __future__ import annotations

import asyncio

import pytest

from host.errors import (
    CallLateError,
    CircuitOpenError,
    RemoteError,
)
from host.rpc.breaker import BreakerPolicy, BreakerState
from plugin_sdk.contract.errors import ErrorCode
from tests.unit.host.rpc.peer import heard, outcome

ONCE = BreakerPolicy(in_a_row=1, open_s=0.05, open_cap_s=0.05, fair_s=0.01)


@pytest.mark.fault("wire-circuit")
async def test_a_method_that_keeps_failing_is_not_asked_and_the_others_are(meet, eventually):
    peer = meet(breaker=BreakerPolicy(in_a_row=2, open_s=100))
    for count in (1, 2):
        task = peer.call()
        request = (await heard(peer, eventually, count))[-1]
        peer.say(id=request["id"], error={"code": -32016, "message": "no model"})
        with pytest.raises(RemoteError):
            await outcome(task)
    with pytest.raises(
        CircuitOpenError, match=r"2 failures in a row.*no model; it is asked again in"
    ) as found:
        await outcome(peer.call())
    assert found.value.data().kind == "circuitOpen"
    assert 60_000 < found.value.data().retry_after_ms <= 100_000
    assert len(peer.requests()) == 2, "the third was never sent"
    other = peer.call("score")
    (request,) = await heard(peer, eventually, 1, "score")
    peer.say(id=request["id"], result=1)
    assert bytes(await outcome(other)) == b"1"
    assert (peer.counts.calls, peer.counts.failures) == (3, 2), "what was not asked is no call"


async def test_one_probe_is_let_through_and_its_answer_closes_the_circuit(meet, eventually):
    peer = meet(breaker=ONCE)
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.say(id=request["id"], error={"code": -32016, "message": "x"})
    with pytest.raises(RemoteError):
        await outcome(task)
    breaker = peer.client._breakers.of("predict")
    await eventually(lambda: asyncio.get_running_loop().time() >= breaker.retry_at)
    probe = peer.call()
    await heard(peer, eventually, 2)
    with pytest.raises(CircuitOpenError, match="one call is trying it out"):
        await outcome(peer.call())
    peer.say(id=peer.requests()[-1]["id"], result=7)
    assert bytes(await outcome(probe)) == b"7"
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.fault("wire-cancelled-probe")
async def test_a_probe_whose_caller_goes_away_leaves_the_circuit_open(meet, eventually):
    peer = meet(breaker=ONCE)
    breaker = peer.client._breakers.of("predict")
    breaker.failed(breaker.admit(0), 0, "x")
    probe = peer.call()
    await heard(peer, eventually)
    assert breaker.state is BreakerState.HALF_OPEN
    probe.cancel()
    await asyncio.wait([probe])
    assert breaker.state is BreakerState.OPEN


async def test_lateness_counts_when_the_call_had_a_fair_time_and_not_when_it_had_none(meet, eventually):
    peer = meet(breaker=BreakerPolicy(in_a_row=1, fair_s=0.2))
    breaker = peer.client._breakers.of("predict")
    with pytest.raises(CallLateError):
        await outcome(peer.call(within_s=0.05))
    assert breaker.state is BreakerState.CLOSED
    with pytest.raises(CallLateError):
        await outcome(peer.call(within_s=0.25))
    assert breaker.state is BreakerState.OPEN


@pytest.mark.parametrize(
    ("after_deadline_s", "late"),
    [(0.0, True), (-0.0015, True), (-0.1, False)],
    ids=["at it", "by a timer that rang early", "before it"],
)
async def test_a_caller_that_leaves_at_the_deadline_is_a_late_answer_and_before_it_is_none(
    meet, eventually, monkeypatch, after_deadline_s, late
):
    """As the engine does: it waits by itself, and cancels in the moment of the deadline."""
    peer = meet(breaker=BreakerPolicy(in_a_row=1, fair_s=0.0))
    task = peer.call(within_s=1000)
    await heard(peer, eventually)
    (pending,) = peer.client._open.values()
    monkeypatch.setattr(peer.client, "_now", lambda: pending.deadline + after_deadline_s)
    task.cancel()
    await asyncio.wait([task])
    assert (peer.counts.late, peer.counts.cancelled) == (int(late), int(not late))
    assert peer.client._breakers.of("predict").state is (BreakerState.OPEN if late else BreakerState.CLOSED)


async def test_a_question_that_was_wrong_says_nothing_against_the_plugin(meet, eventually):
    peer = meet(breaker=ONCE)
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.say(id=request["id"], error={"code": int(ErrorCode.INVALID_PARAMS), "message": "x"})
    with pytest.raises(RemoteError):
        await outcome(task)
    assert peer.client._breakers.of("predict").state is BreakerState.CLOSED

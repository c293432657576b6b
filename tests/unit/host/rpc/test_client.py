"""Calls to a scripted peer over real pipes: it answers, or misbehaves, exactly as each test says."""

from __future__ import annotations

import asyncio

import pytest

from host.errors import (
    BadResultError,
    CallLateError,
    PluginBusyError,
    PluginGoneError,
    RemoteError,
)
from plugin_sdk.contract.errors import ErrorCode
from tests.unit.host.rpc.peer import heard, outcome


async def test_an_answer_comes_back_as_it_was_written(meet, eventually):
    peer = meet()
    task = peer.call(params=b'{"input":1}', within_s=5)
    (request,) = await heard(peer, eventually)
    assert request["params"]["input"] == 1
    assert 0 < request["params"]["_meta"]["deadlineMs"] <= 5000
    peer.raw(b'{"jsonrpc":"2.0","id":%d,"result": {"a" : 1.0} }\n' % request["id"])
    assert bytes(await outcome(task)) == b'{"a" : 1.0}'
    assert (peer.counts.calls, peer.counts.failures, peer.counts.late) == (1, 0, 0)
    assert peer.counts.latency.quantile(0.5) > 0
    assert peer.client.in_flight == 0


async def test_answers_may_come_in_any_order_and_in_pieces(meet, eventually):
    peer = meet()
    tasks = [peer.call() for _ in range(4)]
    requests = await heard(peer, eventually, 4)
    whole = b"".join(
        b'{"jsonrpc":"2.0","id":%d,"result":%d}\n' % (each["id"], each["id"]) for each in reversed(requests)
    )
    peer.raw(whole[:37])
    assert not any(task.done() for task in tasks)
    peer.raw(whole[37:])
    assert [int(bytes(await outcome(task))) for task in tasks] == [each["id"] for each in requests]


@pytest.mark.parametrize(
    ("code", "kind", "late"),
    [
        (ErrorCode.PLUGIN_ERROR, RemoteError, 0),
        (ErrorCode.DEADLINE_EXCEEDED, CallLateError, 1),
        (ErrorCode.BAD_RESULT, BadResultError, 0),
        (12345, RemoteError, 0),
    ],
)
async def test_an_error_object_is_the_error_it_names_and_is_cut_to_a_readable_length(
    meet, eventually, code, kind, late
):
    peer = meet()
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.say(id=request["id"], error={"code": int(code), "message": "one\ntwo\x1b[2J\u202e" + "m" * 5000})
    with pytest.raises(kind) as caught:
        await outcome(task)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert (peer.counts.late, peer.counts.failures) == (late, 1 - late)
    assert peer.closed == []


async def test_a_deadline_that_passes_is_told_to_caller_and_plugin_and_a_late_answer_is_fine(
    meet, eventually
):
    peer = meet(grace_s=5.0)
    task = peer.call(within_s=0.05)
    with pytest.raises(CallLateError, match="no answer within"):
        await outcome(task)
    (request,) = await heard(peer, eventually)
    (cancel,) = await heard(peer, eventually, method="$/cancelRequest")
    assert cancel["params"] == {"id": request["id"]}
    peer.say(id=request["id"], result="late")
    again = peer.call()
    second = (await heard(peer, eventually, 2))[1]
    peer.say(id=second["id"], result="in time")
    assert bytes(await outcome(again)) == b'"in time"'
    assert (peer.counts.late, peer.counts.stray, peer.counts.failures) == (1, 0, 0)
    assert peer.client._overdue == {}


async def test_no_answer_even_after_the_grace_period_is_a_hang(meet, eventually):
    peer = meet(grace_s=0.05)
    first, second = peer.call(within_s=0.02), peer.call(within_s=20)
    with pytest.raises(CallLateError):
        await outcome(first)
    with pytest.raises(PluginGoneError, match="it hangs"):
        await outcome(second)
    ((why, fault),) = peer.closed
    assert fault == "hang"
    assert "0.05 s" in why
    with pytest.raises(PluginGoneError, match="it hangs"):
        await outcome(peer.call())


async def test_many_late_answers_are_no_hang_though_few_ids_are_remembered(meet, eventually, monkeypatch):
    monkeypatch.setattr("plugin_sdk.protocol.connection._REMEMBERED", 3)
    peer = meet(in_flight=10, grace_s=60.0)
    tasks = [peer.call(within_s=0.02) for _ in range(10)]
    for task in tasks:
        with pytest.raises(CallLateError):
            await outcome(task)
    for request in await heard(peer, eventually, 10):
        peer.say(id=request["id"], result=None)
    await eventually(lambda: peer.client._overdue == {})
    assert peer.counts.stray == 0
    assert peer.closed == []


@pytest.mark.fault("wire-deadline-past")
async def test_a_deadline_in_the_past_is_never_sent(meet):
    peer = meet()
    with pytest.raises(CallLateError, match="had passed before"):
        await outcome(peer.call(within_s=-1))
    assert peer.hear() == []
    assert (peer.counts.calls, peer.counts.late) == (1, 1)
    assert peer.client._turns.free == peer.client.limits.in_flight


@pytest.mark.fault("wire-caller-gone")
async def test_a_caller_that_goes_away_cancels_its_call(meet, eventually):
    peer = meet()
    task = peer.call()
    (request,) = await heard(peer, eventually)
    task.cancel()
    (cancel,) = await heard(peer, eventually, method="$/cancelRequest")
    assert cancel["params"]["id"] == request["id"]
    assert task.cancelled()
    peer.say(id=request["id"], error={"code": int(ErrorCode.CANCELLED), "message": "as you wish"})
    await eventually(lambda: peer.client._overdue == {})
    assert (peer.counts.cancelled, peer.counts.failures, peer.counts.late) == (1, 0, 0)
    assert peer.client._turns.free == peer.client.limits.in_flight


async def test_calls_over_the_limit_wait_their_turn_in_order(meet, eventually):
    peer = meet(in_flight=2, queued=3)
    tasks = [peer.call(params=b'{"input":%d}' % n) for n in range(5)]
    served = []
    for done in range(5):
        requests = await heard(peer, eventually, min(5, done + 2))
        assert len(requests) == min(5, done + 2)
        served.append(requests[done]["params"]["input"])
        peer.say(id=requests[done]["id"], result=done)
        await outcome(tasks[done])
    assert served == list(range(5))
    assert peer.client._turns.free == 2


@pytest.mark.fault("wire-too-many")
async def test_a_full_queue_is_refused_at_once(meet, eventually):
    peer = meet(in_flight=1, queued=1)
    tasks = [peer.call(), peer.call()]
    await heard(peer, eventually)
    with pytest.raises(PluginBusyError, match="1 calls are open and 1 wait"):
        await outcome(peer.call())
    assert (peer.counts.calls, peer.counts.failures) == (2, 1)
    for n, task in enumerate(tasks, 1):
        peer.say(id=(await heard(peer, eventually, n))[-1]["id"], result=1)
        await outcome(task)


async def test_a_deadline_counts_while_a_call_waits_its_turn(meet, eventually):
    peer = meet(in_flight=1, queued=2)
    first = peer.call()
    await heard(peer, eventually)
    with pytest.raises(CallLateError, match="busy with other calls"):
        await outcome(peer.call(within_s=0.03))
    assert peer.counts.late == 1
    assert len(peer.requests()) == 1
    peer.say(id=peer.requests()[0]["id"], result=1)
    await outcome(first)
    assert peer.client._turns.free == 1


async def test_a_caller_that_leaves_the_queue_does_not_take_a_turn_with_it(meet, eventually):
    peer = meet(in_flight=1, queued=5)
    first = peer.call()
    (request,) = await heard(peer, eventually)
    waiting = [peer.call() for _ in range(3)]
    await eventually(lambda: len(peer.client._turns.waiting) == 3)
    waiting[0].cancel()  # before its turn
    # And one in the turn of the loop in which it is given its turn, before it runs.
    peer.on_log = lambda _: asyncio.get_running_loop().call_soon(waiting[1].cancel)
    peer.raw(
        b'{"jsonrpc":"2.0","id":%d,"result":1}\n{"jsonrpc":"2.0","method":"log","params":{"message":"now"}}\n'
        % request["id"]
    )
    await outcome(first)
    second = (await heard(peer, eventually, 2))[-1]
    peer.say(id=second["id"], result=2)
    assert bytes(await outcome(waiting[2])) == b"2"
    assert waiting[1].cancelled()
    assert peer.client._turns.free == 1
    assert not peer.client._turns.waiting


async def test_a_training_takes_no_place_of_the_calls_and_counts_as_none(meet, eventually):
    peer = meet(in_flight=1)
    training, call = peer.call("train", within_s=0.05), peer.call()
    (request,) = await heard(peer, eventually)
    peer.say(id=request["id"], result=1)
    await outcome(call)
    with pytest.raises(CallLateError):
        await outcome(training)
    assert (peer.counts.calls, peer.counts.late, peer.counts.failures) == (1, 0, 0)


async def test_an_end_of_its_output_fails_open_and_waiting_calls(meet, eventually):
    peer = meet(in_flight=1)
    tasks = [peer.call(), peer.call()]
    await heard(peer, eventually)
    peer.close(peer.far_write)
    for task in tasks:
        with pytest.raises(PluginGoneError, match="closed its output"):
            await outcome(task)
    assert peer.closed == [("it closed its output", None)]
    assert (peer.counts.calls, peer.counts.failures) == (2, 2)
    assert peer.client.in_flight == 0


async def test_an_end_of_its_input_is_noticed_at_the_next_word(meet):
    peer = meet()
    peer.close(peer.far_read)
    with pytest.raises(PluginGoneError, match="closed its input"):
        await outcome(peer.call())
    assert peer.closed == [("it closed its input", None)]


async def test_several_deadlines_that_find_its_input_closed_are_each_counted_once(meet, eventually):
    peer = meet(in_flight=3)
    tasks = [peer.call(within_s=0.05) for _ in range(3)]
    await heard(peer, eventually, 3)
    peer.close(peer.far_read)  # the first cancel finds out
    for task in tasks:
        with pytest.raises((CallLateError, PluginGoneError)):
            await outcome(task)
    assert peer.counts.late + peer.counts.failures == 3


@pytest.mark.fault("wire-unread")
async def test_a_peer_that_does_not_read_is_refused_more(meet, eventually):
    peer = meet(in_flight=8, unsent_bytes=100_000)
    big = b'{"input":"%b"}' % (b"x" * 150_000)
    tasks = [peer.call(params=big), peer.call(params=big)]
    await eventually(lambda: peer.client._pipe.unsent_bytes > 100_000)
    with pytest.raises(PluginBusyError, match="it does not read"):
        await outcome(peer.call())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_request_over_the_frame_limit_is_not_sent(meet):
    peer = meet(frame_bytes=1000)
    with pytest.raises(BadResultError, match="over its frame limit"):
        await outcome(peer.call(params=b"{%b}" % (b" " * 1000)))
    assert peer.hear() == []


async def test_before_the_handshake_nothing_but_initialize_is_sent(meet, eventually):
    peer = meet(opened=False)
    with pytest.raises(PluginGoneError, match="cannot be sent while the connection is new"):
        await outcome(peer.call())
    task = peer.call("initialize")
    (request,) = await heard(peer, eventually, method="initialize")
    peer.say(id=request["id"], result={})
    await outcome(task)
    assert peer.client._turns.free == peer.client.limits.in_flight


async def test_close_is_told_once_and_notifications_after_it_are_lost_quietly(meet):
    peer = meet()
    peer.client.close("enough")
    peer.client.close("again", fault="hang")
    peer.client.notify("$/progress", {})
    assert peer.closed == [("enough", None)]


async def test_a_turn_that_is_given_just_before_the_end_says_why_it_ended(meet, eventually):
    peer = meet(in_flight=1)
    first = peer.call()
    (request,) = await heard(peer, eventually)
    second = peer.call()
    await eventually(lambda: len(peer.client._turns.waiting) == 1)
    first.add_done_callback(lambda _: peer.client.close("the host stopped it"))
    peer.say(id=request["id"], result=1)
    await outcome(first)
    with pytest.raises(PluginGoneError, match="the host stopped it"):
        await outcome(second)
    assert (peer.counts.calls, peer.counts.failures) == (2, 1)


async def test_idle_is_when_no_call_is_open_and_none_waits(meet, eventually):
    peer = meet(in_flight=1)
    await peer.client.wait_idle()
    first, second = peer.call(), peer.call()
    await heard(peer, eventually)
    idle = asyncio.ensure_future(peer.client.wait_idle())
    peer.say(id=1, result=1)
    await outcome(first)
    await heard(peer, eventually, 2)
    assert not idle.done()
    assert peer.client.quiet_since is None
    peer.say(id=2, result=1)
    await outcome(second)
    await outcome(idle)
    assert peer.client.quiet_since is not None


async def test_many_calls_of_one_turn_are_each_sent_and_answered(meet, eventually):
    peer = meet(in_flight=200)
    tasks = [peer.call(params=b'{"input":%d}' % n) for n in range(100)]
    requests = await heard(peer, eventually, 100)
    assert [each["params"]["input"] for each in requests] == list(range(100))
    for each in reversed(requests):
        peer.say(id=each["id"], result=each["params"]["input"])
    assert [int(await outcome(task)) for task in tasks] == list(range(100))


async def test_one_that_closed_its_input_is_given_up_however_many_calls_are_open(meet, eventually):
    peer = meet(in_flight=200)
    peer.close(peer.far_read)
    tasks = [peer.call() for _ in range(50)]
    await asyncio.wait([*tasks, asyncio.create_task(asyncio.sleep(0))], timeout=20)
    for task in tasks:
        with pytest.raises(PluginGoneError):
            await outcome(task)

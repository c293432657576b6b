"""Calls to a scripted peer over real pipes: it answers, or misbehaves, exactly as each test says."""

from __future__ import annotations

import asyncio
import fcntl
import os

import msgspec
import pytest

from host.errors import (
    BadResultError,
    CallLateError,
    CircuitOpenError,
    PluginBusyError,
    PluginGoneError,
    RemoteError,
)
from host.rpc.breaker import BreakerPolicy, Breakers, BreakerState
from host.rpc.client import ClientLimits, PluginClient
from plugin_sdk.contract.errors import ErrorCode


class Peer:
    """A client, and the far ends of its pipes."""

    def __init__(self, limits, breaker=None):
        read_fd, self.far_write = os.pipe()
        self.far_read, write_fd = os.pipe()
        fcntl.fcntl(self.far_write, fcntl.F_SETPIPE_SZ, 1 << 20)  # the longest line that a test says fits
        for fd in (read_fd, write_fd, self.far_read, self.far_write):
            os.set_blocking(fd, False)
        self.open = {read_fd, write_fd, self.far_read, self.far_write}
        self.closed = []
        self.logged = []
        self.on_log = self.logged.append
        self.told = []
        self.seen = []
        self._rest = b""
        self.client = PluginClient(
            "peer",
            read_fd,
            write_fd,
            limits=limits,
            breakers=Breakers(breaker),
            on_closed=lambda why, fault: self.closed.append((why, fault)),
            on_log=lambda line: self.on_log(line),
            on_progress=self.told.append,
        )
        self.counts = self.client.counts

    def close(self, *fds):
        for fd in fds:
            os.close(fd)
            self.open.discard(fd)

    def hear(self):
        """Reads what the client sent; all messages so far."""
        try:
            self._rest += os.read(self.far_read, 1 << 20)
        except BlockingIOError:
            return self.seen
        *lines, self._rest = self._rest.split(b"\n")
        self.seen += [msgspec.json.decode(line) for line in lines]
        return self.seen

    def requests(self, method="predict"):
        return [message for message in self.hear() if message["method"] == method]

    def say(self, **message):
        self.raw(msgspec.json.encode({"jsonrpc": "2.0", **message}) + b"\n")

    def raw(self, data):
        assert os.write(self.far_write, data) == len(data)

    def call(self, method="predict", params=b"{}", within_s=20.0):
        deadline = asyncio.get_running_loop().time() + within_s
        return asyncio.ensure_future(self.client.call(method, params, deadline=deadline))


@pytest.fixture
async def meet():
    """`meet(limits)`: a peer whose client has been through its handshake."""
    peers = []

    def start(*, opened=True, breaker=None, **limits):
        peer = Peer(ClientLimits(**limits), breaker)
        peers.append(peer)
        if opened:
            peer.client.opened()
        return peer

    yield start
    for peer in peers:
        peer.client.close("the test is over")
        peer.close(*list(peer.open))


async def heard(peer, eventually, count=1, method="predict"):
    await eventually(lambda: len(peer.requests(method)) >= count)
    return peer.requests(method)


async def outcome(task):
    async with asyncio.timeout(20):
        return await task


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


async def test_a_line_without_end_is_a_breach_of_the_protocol(meet):
    peer = meet(frame_bytes=1000)
    task = peer.call()
    peer.raw(b"x" * 2000)
    with pytest.raises(PluginGoneError, match="without a newline"):
        await outcome(task)
    assert peer.closed[0][1] == "protocol"


async def test_junk_is_logged_and_counted_until_there_is_too_much_of_it(meet, eventually):
    peer = meet(junk_lines=3)
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.raw(b"Hello from a print\n\n{}\n")
    await eventually(lambda: peer.counts.junk == 2)
    assert "Hello from a print" in peer.logged[0]
    peer.say(id=request["id"], result=1)
    await outcome(task)
    peer.raw(b'{"jsonrpc":"2.0","id":1}\n')
    await eventually(lambda: peer.closed)
    assert peer.closed == [("it wrote 3 lines on stdout that are no messages", "protocol")]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\n",
        b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"x"}}\n',
        b'{"jsonrpc":"1.0","id":1,"result":1}\n',
        b'{"jsonrpc":"2.0","id":null,"result":1}\n',
        b"[" * 5000 + b"\n",
        b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    ],
    ids=["not UTF-8", "both", "version", "null id", "unclosed", "deep"],
)
async def test_no_line_a_peer_can_write_breaks_the_client(meet, eventually, line):
    peer = meet(in_flight=2)
    task, other = peer.call(), peer.call()
    first, second = await heard(peer, eventually, 2)
    peer.raw(line)
    peer.say(id=second["id"], result="fine")
    assert bytes(await outcome(other)) == b'"fine"'
    if not task.done():
        peer.say(id=first["id"], result=1)
        await outcome(task)
    assert peer.closed == []


async def test_answers_to_nobody_are_counted_and_change_nothing(meet, eventually):
    peer = meet()
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.say(id=999, result=1)
    peer.say(id="a", result=1)
    peer.say(id=request["id"], result="mine")
    peer.say(id=request["id"], result="twice")
    assert bytes(await outcome(task)) == b'"mine"'
    await eventually(lambda: peer.counts.stray == 3)


async def test_a_request_of_the_plugin_is_told_that_there_are_none(meet, eventually):
    peer = meet()
    peer.say(id="q", method="host.secrets", params={})
    await eventually(lambda: len(peer.hear()) == 1)
    (answer,) = peer.hear()
    assert answer["id"] == "q"
    assert answer["error"]["code"] == ErrorCode.METHOD_NOT_FOUND


async def test_log_notifications_reach_the_log_and_others_are_ignored(meet, eventually):
    peer = meet()
    peer.say(method="log", params={"message": "hi", "level": "warning"})
    peer.say(method="log", params={"message": 5})
    peer.say(method="something/newer", params={})
    await eventually(lambda: peer.counts.junk == 1)
    assert peer.logged == ["[warning] hi"]


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


@pytest.mark.parametrize(
    "line",
    [b"\n", b" \n", b'{"jsonrpc":"2.0","method":"log","params":{"message":"x"}}\n',
     b'{"jsonrpc":"2.0","method":"newer"}\n', b'{"jsonrpc":"2.0","id":77,"result":1}\n',
     b'{"jsonrpc":"2.0","id":77,"method":"ask"}\n', b"x\n"],
    ids=["empty", "blank", "log", "notification", "stray", "request", "junk"],
)  # fmt: skip
async def test_a_flood_of_whatever_nobody_asked_for_costs_the_flooder_its_life(meet, eventually, line):
    peer = meet(messages_per_s=100)
    peer.raw(line * 60)
    await asyncio.sleep(0)
    peer.raw(line * 60)
    await eventually(lambda: peer.closed)
    assert peer.closed == [("it sent more than 100 messages that nobody asked for within a second", "flood")]
    assert len(peer.logged) <= 100


@pytest.mark.fault("wire-long-strays")
async def test_a_long_line_that_nobody_asked_for_counts_by_its_length_and_a_late_answer_does_not(
    meet, eventually
):
    peer = meet(messages_per_s=30)
    long = b'{"jsonrpc":"2.0","id":%d,"result":"' + b"x" * 300_000 + b'"}\n'
    late = peer.call(within_s=0.05)
    with pytest.raises(CallLateError):
        await outcome(late)
    peer.raw(long % 1)
    await eventually(lambda: peer.counts.late_answers == 1)
    assert peer.closed == []
    peer.raw(long % 77)
    await eventually(lambda: peer.closed)
    assert peer.closed == [("it sent more than 30 messages that nobody asked for within a second", "flood")]


async def test_answers_to_open_calls_are_no_flood_however_many(meet, eventually):
    peer = meet(messages_per_s=5, in_flight=200)
    tasks = [peer.call() for _ in range(200)]
    requests = await heard(peer, eventually, 200)
    peer.raw(b"".join(b'{"jsonrpc":"2.0","id":%d,"result":1}\n' % each["id"] for each in requests))
    await asyncio.wait(tasks)
    assert peer.closed == []


async def test_bytes_have_a_budget_too(meet, eventually):
    peer = meet(bytes_per_s=100_000)
    peer.raw(b'{"jsonrpc":"2.0","method":"newer","params":"%b"}\n' % (b"x" * 200_000))
    await eventually(lambda: peer.closed)
    assert peer.closed == [("it sent more than 100000 bytes over what it was sent within a second", "flood")]


async def test_what_it_was_sent_it_may_send_back_however_much(meet, eventually):
    peer = meet(bytes_per_s=100_000)
    for _ in range(10):
        task = peer.call(params=b'{"input":"%b"}' % (b"x" * 30_000))
        (*_, request) = await heard(peer, eventually, len(peer.seen) + 1)
        peer.say(id=request["id"], result=request["params"]["input"])
        await outcome(task)
    assert peer.closed == []
    peer.raw(b'{"jsonrpc":"2.0","method":"newer","params":"%b"}\n' % (b"x" * 700_000))
    await eventually(lambda: peer.closed)


async def test_a_message_that_nests_too_deep_is_junk(meet, eventually):
    peer = meet(depth=5)
    task = peer.call()
    (request,) = await heard(peer, eventually)
    peer.raw(b'{"jsonrpc":"2.0","id":%d,"result":[[[[[1]]]]]}\n' % request["id"])
    await eventually(lambda: peer.counts.junk == 1)
    peer.raw(b'{"jsonrpc":"2.0","id":%d,"result":[[[[1]]]]}\n' % request["id"])
    assert bytes(await outcome(task)) == b"[[[[1]]]]"


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


async def test_how_far_a_training_is_is_told_while_it_is_open(meet, eventually):
    peer = meet()
    tasks = [peer.call("train") for _ in range(2)]
    requests = await heard(peer, eventually, 2, "train")
    tokens = [request["params"]["_meta"]["progressToken"] for request in requests]
    peer.say(id=requests[0]["id"], result={})
    await outcome(tasks[0])
    for token in [tokens[0], "another", tokens[1]]:
        peer.say(method="$/progress", params={"token": token, "fraction": 0.5})
    peer.raw(b'{"jsonrpc":"2.0","method":"$/progress","params":{"token":[]}}\n')
    await eventually(lambda: peer.counts.junk == 1)
    assert [(each.token, each.fraction) for each in peer.told] == [(tokens[1], 0.5)]
    assert "progressToken" not in (await heard_of(peer, eventually, "predict"))["params"]["_meta"]


async def heard_of(peer, eventually, method):
    peer.call(method)
    return (await heard(peer, eventually, 1, method))[0]

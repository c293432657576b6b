"""What a scripted peer writes, over real pipes: junk, answers to nobody, notifications, and floods of them."""

from __future__ import annotations

import asyncio

import pytest

from host.errors import (
    CallLateError,
    PluginGoneError,
)
from plugin_sdk.contract.errors import ErrorCode
from tests.unit.host.rpc.peer import heard, outcome


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

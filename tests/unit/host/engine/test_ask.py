"""How each plugin is asked, and what becomes of what it does."""

from __future__ import annotations

import asyncio

import msgspec

from host.clock import SystemClock
from host.engine.ask import Question
from host.engine.gathering import gather
from host.errors import PluginBusyError
from plugin_sdk.contract.messages import Capability
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem

TASK_DATA = {
    "task": {"id": "t", "cpuRequired": 1, "memoryRequired": 1},
    "nodes": [{"id": "x", "cpuLoad": 0, "memoryLoad": 0, "zone": "kept"}],
}
QUEUE_DATA = {
    "jobs": [{"id": "j", "submit": 0, "procs": 2, "requestedTime": 1, "user": "u"}],
    "cluster": {"procs": 2},
    "now": 5,
}


def question(type_, data, **more):
    request = OptimizeRequest("r1", type_, data, **more)
    return Question(request, parse_problem(request))


def method(asked, *capabilities):
    return asked.method_for({name: Capability() for name in capabilities})


def test_a_plugin_is_asked_by_the_most_it_can_do():
    task, prediction = question("scheduling", TASK_DATA), question("ml-driven", {"u": 1})
    assert method(task, "score", "optimize") == "optimize"
    assert method(task, "score", "predict") == "score"
    assert method(task, "predict", "train") is None
    assert method(prediction, "optimize", "predict") == "predict"
    assert method(prediction, "optimize") == "optimize"
    packing = question("resource", {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}})
    assert method(packing, "score", "predict") is None


def test_parameters_carry_what_the_caller_sent_and_are_encoded_once():
    task = question("scheduling", TASK_DATA)
    assert msgspec.json.decode(task.params("score")) == {
        "type": "scheduling",
        "task": {**TASK_DATA["task"], "kind": "task"},
        "candidates": TASK_DATA["nodes"],
    }
    assert task.params("score") is task.params("score")
    queue = question("scheduling", QUEUE_DATA)
    said = msgspec.json.decode(queue.params("score"))
    assert said["task"] == {"cluster": {"procs": 2}, "now": 5, "kind": "queue"}
    assert said["candidates"] == QUEUE_DATA["jobs"]
    packing = question(
        "resource",
        {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}},
        constraints={"maxNodes": 1},
    )
    assert msgspec.json.decode(packing.params("optimize"))["constraints"] == {"maxNodes": 1}
    assert msgspec.json.decode(question("ml-driven", {"u": 1}).params("predict")) == {"input": {"u": 1}}


async def test_whoever_is_not_waited_for_is_cancelled_and_named(rig, within):
    plugin = rig.Plugin("slow", optimize=rig.HANG)
    enough = asyncio.get_running_loop().create_future()

    async def never_called(answer):
        raise AssertionError(answer)

    asking = question("scheduling", TASK_DATA)
    clock = SystemClock()
    async with within(5):
        enough.set_result(None)
        heard, spared = await gather(
            [(plugin, "optimize")], asking, never_called, clock.now() + 60, clock, enough
        )
    assert (heard, spared) == ([], ["slow@1.0.0"])


async def test_one_that_cannot_be_asked_leaves_the_host_its_own_work(rig, within):
    busy = PluginBusyError("full", "too much")
    done = []
    clock = SystemClock()
    async with within(5):
        heard, _ = await gather(
            [(rig.Plugin("full", optimize=busy), "optimize")],
            question("scheduling", TASK_DATA),
            None,
            clock.now() + 60,
            clock,
            asyncio.get_running_loop().create_future(),
            lambda: done.append(True),
        )
    assert [each.status for each in heard] == ["failed"]
    assert done == [True]


async def test_who_goes_away_while_one_is_asked_is_not_taken_for_a_deadline(rig, within):
    plugin = rig.Plugin("slow", optimize=rig.HANG)
    enough = asyncio.get_running_loop().create_future()
    clock = SystemClock()
    asking = asyncio.create_task(
        gather(
            [(plugin, "optimize")], question("scheduling", TASK_DATA), None, clock.now() + 60, clock, enough
        )
    )
    async with within(5):
        await plugin.lose_caller(asking)
    assert plugin.cancelled == 1


async def test_a_hang_ends_at_the_deadline_and_the_call_is_cancelled(rig, within):
    plugin = rig.Plugin("slow", optimize=rig.HANG)
    enough = asyncio.get_running_loop().create_future()

    async def never_called(answer):
        raise AssertionError(answer)

    clock = SystemClock()
    async with within(5):
        heard, _ = await gather(
            [(plugin, "optimize")],
            question("scheduling", TASK_DATA),
            never_called,
            clock.now() + 0.05,
            clock,
            enough,
        )
    assert heard[0].status == "late"
    assert plugin.cancelled == 1

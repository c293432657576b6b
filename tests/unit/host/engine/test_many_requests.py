"""Many requests at once: each gets its outcome in time, plugins or no plugins, and others get their turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.clock import SystemClock
from host.engine.many_requests import Pace, optimize_many
from host.errors import BusyError
from plugin_sdk.contract.answers import Answer, AnswerMetrics, Candidate
from plugin_sdk.contract.problems import OptimizeRequest
from tests.turns import turns_during

TASK = {
    "task": {"id": "t", "cpuRequired": 10, "memoryRequired": 10},
    "nodes": [{"id": name, "cpuLoad": load, "memoryLoad": 20} for name, load in [("a", 80), ("b", 20)]],
}


def requests(count):
    """No two of which are equal."""
    return [
        OptimizeRequest(f"r{n}", "scheduling", {**TASK, "task": {**TASK["task"], "id": f"t{n}"}})
        for n in range(count)
    ]


class HandClock:
    def __init__(self):
        self.at = 100.0

    def now(self):
        return self.at


def answered(request, own_ms=0.0):
    return Answer(
        request_id=request.id,
        success=True,
        metrics=AnswerMetrics(0, 1.0),
        decided_by="builtin:x",
        strategy="best",
        degraded=False,
        candidates=[Candidate("builtin:x", "answered", own_ms)],
    )


@given(st.integers(1, 1000), st.lists(st.floats(0, 1), max_size=50), st.floats(0, 1e6))
def test_the_more_are_left_and_the_longer_each_takes_the_sooner_plugins_are_let_go(count, took, deadline):
    pace, quick = Pace(count), Pace(count)
    for each in took:
        pace.took(each)
        quick.took(each / 2)
    assert pace.begins(deadline) <= quick.begins(deadline) <= deadline
    before = pace.begins(deadline)
    assert before <= pace.begins(deadline)


async def test_one_whose_time_was_up_before_its_turn_is_refused_and_the_others_have_their_answers():
    clock, asked = HandClock(), []
    clock.at += 0.3  # it took so long to read them

    async def half_a_second(request, arrived, plugins_until):
        asked.append((request.id, arrived))
        clock.at += 0.5
        return answered(request)

    found = await optimize_many(half_a_second, requests(6), 100.0, lambda request: 1.0, clock, at_once=1)
    assert asked == [("r0", 100.0), ("r1", 100.0)]
    assert [type(each) for each in found] == [Answer] * 2 + [BusyError] * 4
    assert found[3].retry_after_ms == 1000 and "6 requests came together" in str(found[3])


async def test_what_the_host_itself_has_taken_says_how_long_plugins_are_waited_for():
    clock, until = HandClock(), []

    async def slow_built_in(request, arrived, plugins_until):
        until.append(plugins_until - arrived)
        return answered(request, own_ms=100.0)

    await optimize_many(slow_built_in, requests(40), clock.at, lambda request: 5.0, clock, at_once=1)
    assert until[0] > 4.9  # before anything is known
    assert min(until) < 2.0 and until[-1] == 5.0  # the last one has nobody after it


async def test_others_have_their_turn_while_many_are_answered_without_a_wait():
    async def at_once(request, arrived, plugins_until):
        return answered(request)

    _, turns = await turns_during(
        optimize_many(at_once, requests(400), 100.0, lambda request: 1.0, HandClock(), at_once=4)
    )
    assert turns >= 100


async def test_one_of_many_waits_for_plugins_no_longer_than_it_was_told(rig, within):
    engine = rig.engine(rig.Plugin("hangs", optimize=rig.HANG), settle_s=60.0, default_deadline_s=300.0)
    (request,) = requests(1)
    async with within(60):
        answer = await engine.optimize(request, plugins_until=SystemClock().now() + 0.05)
    assert answer.decided_by == "builtin:least-loaded"
    assert [each.status for each in answer.candidates if each.by == "hangs@1.0.0"] == ["late"]


async def test_where_there_is_no_time_left_for_plugins_the_built_in_answers_alone_and_says_why(rig):
    right = rig.Plugin("right", optimize={"result": {"nodeId": "b"}})
    engine = rig.engine(right)
    (request,) = requests(1)
    answer = await engine.optimize(request, plugins_until=SystemClock().now())
    assert not right.calls and answer.decided_by == "builtin:least-loaded"
    assert answer.reasons == ["there was no time to ask plugins about all requests that came together"]


async def test_a_prediction_is_asked_for_however_many_there_are_since_nobody_else_has_one(rig):
    engine = rig.engine(rig.Plugin("p", predict={"prediction": 1.0}))
    answer = await engine.optimize(OptimizeRequest("r", "ml-driven", {"x": 1}), plugins_until=0.0)
    assert answer.result["prediction"] == 1.0

"""The promise: an answer by the deadline, feasible, never worse than the built-in's, whatever the plugins do."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.engine.decision import write_up
from host.engine.run import Run
from host.errors import NoAnswerError, PluginBusyError, PluginGoneError, RemoteError
from plugin_sdk.contract.problems import OptimizeRequest, ProblemError
from tests.unit.host.engine.packings import HARD, PACKED_TIGHT

EASY_ITEMS = {"items": [{"id": "a", "cpu": 1}, {"id": "b", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
TASK = {
    "task": {"id": "t", "cpuRequired": 10, "memoryRequired": 10},
    "nodes": [{"id": "busy", "cpuLoad": 80, "memoryLoad": 80}, {"id": "idle", "cpuLoad": 5, "memoryLoad": 5}],
}
QUEUE = {
    "jobs": [
        {"id": "long", "submit": 0, "procs": 4, "requestedTime": 3_600_000},
        {"id": "short", "submit": 10, "procs": 4, "requestedTime": 20_000},
    ],
    "cluster": {"procs": 4},
    "now": 1000,
}
TUNING = {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}], "count": 2}


def by(answer):
    return {each.by: each for each in answer.candidates}


async def test_without_plugins_the_built_in_answers_and_nothing_is_weaker_than_asked_for(rig):
    answer = await rig.ask("resource", EASY_ITEMS)
    assert answer.success
    assert answer.decided_by == "builtin:first-fit-decreasing"
    assert answer.metrics.score == 1.0
    assert isinstance(answer.metrics.duration_ms, int)
    assert not answer.degraded
    assert [each["id"] for each in answer.result["nodes"]] == ["node-1"]


async def test_what_a_request_was_made_of_goes_with_it_and_is_left_to_no_collection(rig):
    plugin = rig.Plugin("some", score=lambda asked: {"scores": [1.0 for _ in asked["candidates"]]})
    gc.collect()  # what tests before left
    gc.disable()
    try:
        for plugins in ((), (plugin,), (plugin, plugin)):
            for strategy in ("best", "priority", "ensemble"):
                await rig.ask("scheduling", TASK, *plugins, strategy=strategy)
        await asyncio.sleep(0)
        assert [each for each in gc.get_objects() if isinstance(each, Run)] == []
    finally:
        gc.enable()


async def test_a_plugin_with_a_strictly_better_answer_decides(rig):
    shortest_first = rig.Plugin(
        "sjf", score=lambda asked: {"scores": [-job["requestedTime"] for job in asked["candidates"]]}
    )
    answer = await rig.ask("scheduling", QUEUE, shortest_first)
    assert answer.decided_by == "sjf@1.0.0"
    assert answer.result["start"] == ["short"]
    assert answer.result["reservations"] == [{"job": "long", "start": 21_000}]
    assert answer.objective == by(answer)["sjf@1.0.0"].objective < by(answer)["builtin:easy"].objective
    assert not answer.degraded


async def test_a_plugin_that_packs_tighter_than_the_heuristics_decides(rig):
    answer = await rig.ask("resource", HARD, rig.Plugin("tight", optimize={"result": PACKED_TIGHT}))
    assert (answer.decided_by, answer.objective, answer.metrics.score) == ("tight@1.0.0", [0, 3], 1.0)
    assert by(answer)["builtin:first-fit-decreasing"].objective == [0, 4]


async def test_a_tie_goes_to_the_built_in(rig):
    same = rig.Plugin("same", optimize={"result": {"nodeId": "idle"}, "confidence": 1.0})
    answer = await rig.ask("scheduling", TASK, same)
    assert answer.decided_by == "builtin:least-loaded"
    assert by(answer)["same@1.0.0"].status == "answered"
    assert answer.result == {"nodeId": "idle", "estimatedLoadAfter": {"cpu": 15, "memory": 15}}


LIES = {
    "overfull": {"result": {"nodes": [{"id": "n", "items": ["a", "b", "a"]}]}},
    "nothing": {"result": {"nodes": [], "unplacedItems": []}},
    "stranger": {"result": {"nodes": [{"id": "n", "items": ["z"]}]}},
    "shape": {"result": {"nodes": {"n": ["a"]}}},
    "list": [1, 2],
    "null": None,
    "nan": b'{"result": NaN}',
    "huge": b'{"result": {"nodes": 1e400}}',
    "deep": b'{"result":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "cut": b'{"result": {"nodes": [',
}


@pytest.mark.parametrize("strategy", ["best", "priority"])
async def test_every_lie_is_found_out_named_and_costs_nothing(rig, strategy):
    plugins = [rig.Plugin(name, optimize=said) for name, said in LIES.items()]
    answer = await rig.ask("resource", EASY_ITEMS, *plugins, strategy=strategy)
    assert answer.decided_by == "builtin:first-fit-decreasing"
    assert answer.degraded
    for name in LIES:
        candidate = by(answer)[f"{name}@1.0.0"]
        assert candidate.status == "invalid", name
        assert candidate.reason
    assert len(answer.reasons) == len(LIES)


async def test_a_plugin_that_claims_room_it_has_not_is_shown_the_rule(rig):
    liar = rig.Plugin(
        "liar", optimize={"result": {"nodes": [{"id": "n", "cpuAvailable": 99, "items": ["a", "b"]}]}}
    )
    answer = await rig.ask("resource", {**EASY_ITEMS, "nodeCapacity": {"cpu": 1}}, liar)
    assert by(answer)["liar@1.0.0"].reason == 'node "n" is asked for 2 cpu but has 1'
    assert answer.decided_by == "builtin:first-fit-decreasing"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PluginGoneError("p", "its process ended"), "failed"),
        (PluginBusyError("p", "its queue is full"), "failed"),
        (RemoteError("p", -32016, "it raised KeyError"), "failed"),
    ],
)
async def test_an_error_of_a_plugin_is_its_own_and_the_answer_goes_on(rig, error, status):
    answer = await rig.ask("resource", EASY_ITEMS, rig.Plugin("p", optimize=error))
    assert answer.success and answer.degraded
    assert by(answer)["p@1.0.0"].status == status
    assert by(answer)["p@1.0.0"].reason == error.reason


async def test_even_a_fault_of_the_host_while_asking_costs_that_candidate_only(rig, caplog):
    with caplog.at_level(logging.CRITICAL, logger="host.engine.ask"):
        answer = await rig.ask("resource", EASY_ITEMS, rig.Plugin("p", optimize=ZeroDivisionError("boom")))
    assert answer.success
    assert by(answer)["p@1.0.0"].status == "failed"
    assert "boom" not in str(by(answer)["p@1.0.0"].reason)


@pytest.mark.parametrize("strategy", ["best", "priority"])
async def test_plugins_that_hang_or_are_late_do_not_hold_up_the_answer(rig, within, strategy):
    hung, late = rig.Plugin("hung", 5, optimize=rig.HANG), rig.Plugin("late", optimize=rig.LATE)
    began = time.monotonic()
    async with within(5):
        answer = await rig.ask("resource", HARD, hung, late, strategy=strategy, deadline_ms=600.0)
    assert time.monotonic() - began < 0.6
    assert answer.success and answer.degraded
    assert {by(answer)[f"{name}@1.0.0"].status for name in ("hung", "late")} == {"late"}
    assert hung.cancelled == 1


async def test_one_that_hangs_leaves_the_next_by_priority_its_share_of_the_time(rig, within):
    hung = rig.Plugin("hung", 5, optimize=rig.HANG)
    good = rig.Plugin("good", optimize={"result": {"nodeId": "busy"}})
    async with within(5):
        answer = await rig.ask("scheduling", TASK, hung, good, strategy="priority", deadline_ms=400.0)
    assert answer.decided_by == "good@1.0.0"
    assert by(answer)["hung@1.0.0"].status == "late"


async def test_by_priority_the_first_valid_answer_decides_and_the_rest_are_not_asked(rig):
    low, high = (
        rig.Plugin("low", 1, optimize={"result": {"nodeId": "idle"}}),
        rig.Plugin("high", 9, optimize={"result": {"nodeId": "busy"}}),
    )
    answer = await rig.ask("scheduling", TASK, low, high, strategy="priority")
    assert answer.decided_by == "high@1.0.0"
    assert answer.strategy == "priority"
    assert low.calls == []


async def test_an_answer_that_cannot_be_beaten_ends_the_wait_and_nobody_is_blamed(rig, within):
    hung = rig.Plugin("hung", optimize=rig.HANG)
    async with within(2):
        answer = await rig.ask("resource", EASY_ITEMS, hung, deadline_ms=60_000.0, config={"settle_s": 0.01})
    assert not answer.degraded
    assert answer.reasons == ["hung@1.0.0 was not waited for: the answer cannot be beaten"]
    assert "hung@1.0.0" not in by(answer)


async def test_a_plugin_that_abstains_is_no_cause_for_concern(rig):
    answer = await rig.ask(
        "resource", EASY_ITEMS, rig.Plugin("shy", optimize={"abstained": True, "reason": "not mine"})
    )
    assert not answer.degraded
    assert (by(answer)["shy@1.0.0"].status, by(answer)["shy@1.0.0"].reason) == ("abstained", "not mine")


async def test_plugins_without_a_fitting_method_are_not_asked(rig):
    forest = rig.Plugin("forest", predict={"prediction": 1})
    answer = await rig.ask("resource", EASY_ITEMS, forest)
    assert forest.calls == []
    assert answer.success and not answer.degraded


async def test_a_plugin_that_should_have_been_asked_but_is_down_is_named_and_the_answer_degraded(rig):
    rig.down = ["gone@1.0.0"]
    answer = await rig.ask("resource", EASY_ITEMS)
    assert answer.success and answer.degraded
    assert answer.reasons == ["gone@1.0.0 could not be asked: it is not up"]


async def test_tuning_takes_the_first_valid_answer_by_priority_else_the_built_in(rig):
    wrong = rig.Plugin("wrong", 9, optimize={"result": {"suggestions": [{"params": {"x": 2}}] * 2}})
    right = rig.Plugin(
        "right", 1, optimize={"result": {"suggestions": [{"params": {"x": 0.25}}, {"params": {"x": 0.5}}]}}
    )
    answer = await rig.ask("performance", TUNING, wrong, right, strategy="best")
    assert answer.decided_by == "right@1.0.0"
    assert answer.strategy == "priority"
    assert by(answer)["wrong@1.0.0"].status == "invalid"
    assert any("best needs an objective" in reason for reason in answer.reasons)
    alone = await rig.ask("performance", TUNING, wrong)
    assert alone.decided_by == "builtin:space-filling-local-search"
    assert len(alone.result["suggestions"]) == 2


async def test_several_predictions_are_combined_and_one_is_what_it_is(rig):
    plugins = [
        rig.Plugin(f"p{n}", predict={"prediction": {"cpu": cpu}, "confidence": 0.5, "modelId": f"m{n}"})
        for n, cpu in enumerate([2, 4, 1e9])
    ]
    answer = await rig.ask("ml-driven", {"user": "u"}, *plugins)
    assert answer.decided_by == "ensemble"
    assert answer.result == {"prediction": {"cpu": 4}, "modelId": "ensemble", "historicalDataSize": 0}
    one = await rig.ask("ml-driven", {"user": "u"}, plugins[0])
    assert one.decided_by == "p0@1.0.0"
    assert one.result == {"prediction": {"cpu": 2}, "modelId": "m0", "historicalDataSize": 1}
    assert plugins[0].calls[0] == ("predict", {"input": {"user": "u"}})


async def test_a_prediction_without_a_model_id_carries_the_plugins_name(rig):
    answer = await rig.ask("ml-driven", {}, rig.Plugin("forest", optimize={"result": 3.5}))
    assert answer.result["modelId"] == "forest"
    assert answer.result["prediction"] == 3.5


async def test_a_prediction_nobody_can_give_is_a_clear_error_and_recorded(rig):
    with pytest.raises(
        NoAnswerError,
        match=r"no plugin can be asked about ml-driven.*drop one into the plugins directory",
    ):
        await rig.ask("ml-driven", {})
    bad = [
        rig.Plugin("inf", predict=b'{"prediction": 1e999}'),
        rig.Plugin("shy", predict={"abstained": True, "reason": "no idea"}),
    ]
    with pytest.raises(NoAnswerError, match=r"inf@1\.0\.0 invalid.*shy@1\.0\.0 abstained: no idea"):
        await rig.ask("ml-driven", {}, *bad)
    assert [answer.success for _, answer in rig.history.records] == [False, False]


async def test_when_no_item_fits_the_answer_says_why_and_still_has_a_result(rig):
    plugin = rig.Plugin("p", optimize=rig.HANG)
    answer = await rig.ask("resource", {"items": [{"id": "a", "cpu": 3}], "nodeCapacity": {"cpu": 2}}, plugin)
    assert not answer.success
    assert (
        answer.error is not None
        and '"a" needs cpu 3' in answer.error
        and "larger nodeCapacity" in answer.error
    )
    assert answer.result == {"nodes": [], "unplacedItems": [{"id": "a", "cpu": 3}]}
    assert answer.metrics.score == 0.0
    assert len(rig.history.records) == 1


async def test_a_malformed_problem_is_an_error_and_not_recorded(rig):
    with pytest.raises(ProblemError, match=r"data\.items\[0\]\.cpu"):
        await rig.ask("resource", {"items": [{"id": "a", "cpu": -1}], "nodeCapacity": {"cpu": 2}})
    assert rig.history.records == []


async def test_each_finished_request_is_recorded_once_and_a_history_that_fails_costs_no_answer(rig, caplog):
    answer = await rig.ask("scheduling", TASK)
    assert [each[1] for each in rig.history.records] == [answer]

    def broken(request, answer):
        raise OSError("disk full")

    rig.history.record = broken
    with caplog.at_level(logging.CRITICAL, logger="host.engine.engine"):
        assert (await rig.ask("scheduling", TASK)).success


async def test_a_caller_that_goes_away_ends_the_calls_made_for_it(rig, within):
    hung = rig.Plugin("hung", optimize=rig.HANG)
    asking = asyncio.create_task(rig.ask("resource", HARD, hung, deadline_ms=60_000.0))
    async with within(5):
        await hung.lose_caller(asking)
    assert hung.cancelled == 1


async def test_even_a_deadline_of_next_to_nothing_gets_the_built_ins_answer(rig):
    answer = await rig.ask("resource", HARD, rig.Plugin("hung", optimize=rig.HANG), deadline_ms=0.001)
    assert answer.success
    assert answer.decided_by == "builtin:first-fit-decreasing"


async def test_a_large_problem_leaves_the_loop_free_and_first_fit_hurries_to_be_in_time(rig, within):
    """20,000 items in two resources are more than the built-ins finish in the time."""
    items = [{"id": str(n), "cpu": 1 + n * 7919 % 13, "memory": 1 + n * 104729 % 13} for n in range(20_000)]
    loop, ticks = asyncio.get_running_loop(), []

    def tick():
        ticks.append(loop.time())
        loop.call_later(0.02, tick)

    tick()
    async with within(60):
        answer = await rig.ask(
            "resource", {"items": items, "nodeCapacity": {"cpu": 16, "memory": 16}}, deadline_ms=10_000.0
        )
    assert answer.result["unplacedItems"] == []
    assert sum(len(node["items"]) for node in answer.result["nodes"]) == len(items)
    # Solved on the loop there would be a few ticks at most, before and after.
    assert len(ticks) > 10


@pytest.mark.parametrize(("count", "apart"), [(101, True), (3, False)])
async def test_a_large_answer_is_written_up_beside_the_loop(rig, monkeypatch, count, apart):
    threads = []

    def written(*args):
        threads.append(threading.current_thread())
        return write_up(*args)

    monkeypatch.setattr("host.engine.run.write_up", written)
    items = [{"id": str(n), "cpu": 1} for n in range(count)]
    answer = await rig.ask("resource", {"items": items, "nodeCapacity": {"cpu": 2}})
    assert answer.success and (threads != [threading.main_thread()]) == apart


said = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["a", "b", "n"]),
    ),
    lambda deeper: (
        st.lists(deeper, max_size=3)
        | st.dictionaries(
            st.sampled_from(["result", "nodes", "items", "id", "unplacedItems", "success", "abstained"]),
            deeper,
            max_size=4,
        )
    ),
    max_leaves=10,
)
packed = st.fixed_dictionaries(
    {
        "result": st.fixed_dictionaries(
            {
                "nodes": st.lists(
                    st.fixed_dictionaries({"items": st.lists(st.sampled_from("abcd"), max_size=3)}),
                    max_size=4,
                )
            }
        )
    }
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=said | packed, second=packed, sizes=st.lists(st.integers(1, 5), min_size=4, max_size=4))
def test_whatever_plugins_say_the_answer_is_feasible_and_not_worse_than_the_built_ins(
    rig, first, second, sizes
):
    data = {
        "items": [{"id": name, "cpu": size} for name, size in zip("abcd", sizes, strict=True)],
        "nodeCapacity": {"cpu": 6},
    }

    async def both():
        alone = await rig.ask("resource", data)
        return alone, await rig.ask(
            "resource", data, rig.Plugin("p", optimize=first), rig.Plugin("q", optimize=second)
        )

    alone, answer = asyncio.run(both())
    assert answer.objective <= alone.objective
    for node in answer.result["nodes"]:
        assert sum(item["cpu"] for item in node["items"]) <= 6
    placed = [item["id"] for node in answer.result["nodes"] for item in node["items"]]
    assert sorted([*placed, *(item["id"] for item in answer.result["unplacedItems"])]) == list("abcd")
    assert msgspec.json.encode(answer)


async def test_scores_of_several_are_one_answer_under_ensemble(rig):
    task = {
        "task": {"id": "t", "cpuRequired": 10, "memoryRequired": 10},
        "nodes": [
            {"id": name, "cpuLoad": load, "memoryLoad": load}
            for name, load in [("a", 50), ("b", 20), ("c", 60)]
        ],
    }
    for first, second in (([9, 0, 0], [900, 0, 0]), ([1, 1, 1], [0, 0, 0])):
        engine = rig.engine(
            rig.Plugin("one", score={"scores": first}), rig.Plugin("two", score={"scores": second})
        )
        answer = await engine.optimize(OptimizeRequest("r", "scheduling", task, strategy="ensemble"))
        assert (answer.decided_by, answer.strategy) == ("ensemble", "ensemble")
        assert answer.result["nodeId"] == ("a" if first[0] == 9 else "b")
    alone = await rig.engine().optimize(OptimizeRequest("r", "scheduling", task, strategy="ensemble"))
    assert alone.decided_by == "builtin:least-loaded"

"""What outcomes teach the engine: a guard on advice that turned out dear, weights, intervals."""

from __future__ import annotations

from plugin_sdk.contract.problems import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint
from tests.unit.host.engine.packings import HARD, PACKED_TIGHT


def finished(request_id, **metadata):
    return WorkloadDataPoint(0.0, "scheduling", {}, 100.0, True, metadata, request_id=request_id)


async def test_advice_that_turned_out_dear_is_not_followed_and_the_answer_says_so(rig):
    better = rig.Plugin("p", optimize=lambda asked: {"result": PACKED_TIGHT})
    engine = rig.engine(better, guard_outcomes=5, cache_entries=0)
    for n in range(5):
        answer = await engine.optimize(OptimizeRequest(f"r{n}", "resource", HARD))
        assert answer.decided_by == "p@1.0.0" and not answer.degraded
        engine.outcomes([finished(f"r{n}", cost=2.0, builtinCost=1.0)])
    answer = await engine.optimize(OptimizeRequest("after", "resource", HARD))
    assert answer.decided_by == "builtin:first-fit-decreasing"
    assert (
        answer.degraded and "p@1.0.0 was not followed: what it decided cost 2.00 times" in answer.reasons[0]
    )
    assert [each.status for each in answer.candidates if each.by == "p@1.0.0"] == ["answered"]
    asked = len(better.calls)
    first = await engine.optimize(OptimizeRequest("by priority", "resource", HARD, strategy="priority"))
    assert first.decided_by == "builtin:first-fit-decreasing" and len(better.calls) == asked
    assert engine.advisers()["resource p@1.0.0"].state == "aside"


async def test_a_majority_that_lies_together_loses_its_weight_by_the_outcomes(rig):
    liars = [rig.Plugin(f"liar-{n}", predict={"prediction": 9_000.0, "confidence": 1.0}) for n in range(3)]
    honest = rig.Plugin("honest", predict={"prediction": 100.0, "confidence": 0.1})
    engine = rig.engine(honest, *liars, cache_entries=0)
    first = await engine.optimize(OptimizeRequest("first", "ml-driven", {"x": 1}))
    assert first.result["prediction"] == 9_000.0
    for n in range(64):
        await engine.optimize(OptimizeRequest(f"r{n}", "ml-driven", {"x": n}))
        engine.outcomes([finished(f"r{n}")])
    last = await engine.optimize(OptimizeRequest("last", "ml-driven", {"x": 1}))
    assert last.result["prediction"] == 100.0
    assert engine.advisers()["ml-driven honest@1.0.0"].weight > 0.5


ALIKE = {
    "task": {"id": "t", "cpuRequired": 10, "memoryRequired": 10},
    "nodes": [{"id": name, "cpuLoad": 50, "memoryLoad": 50} for name in "abc"],
}


async def test_scores_count_by_what_came_of_the_decisions_they_spoke_for(rig):
    """Two who agree outvote one, until what they agree on has cost more than the built-in's choice would have."""
    colluding = [rig.Plugin(f"colluding-{n}", score={"scores": [0, 0, 1]}) for n in range(2)]
    engine = rig.engine(rig.Plugin("good", score={"scores": [0, 1, 0]}), *colluding, guard_outcomes=1000)
    chosen = []
    for n in range(64):
        answer = await engine.optimize(OptimizeRequest(f"r{n}", "scheduling", ALIKE, strategy="ensemble"))
        assert answer.decided_by == "ensemble"
        chosen.append(answer.result["nodeId"])
        dear = chosen[-1] == "c"
        engine.outcomes([finished(f"r{n}", cost=3.0 if dear else 0.5, builtinCost=1.0)])
    assert chosen[0] == "c" and chosen[-1] == "b"
    weight = {name: each.weight for name, each in engine.advisers().items()}
    assert weight["one-task good@1.0.0"] > weight["one-task builtin"] > weight["one-task colluding-0@1.0.0"]


async def test_what_several_decided_together_is_followed_as_long_as_it_pays(rig):
    engine = rig.engine(rig.Plugin("one", score={"scores": [0, 0, 1]}), guard_outcomes=5)
    for n in range(5):
        answer = await engine.optimize(OptimizeRequest(f"r{n}", "scheduling", ALIKE, strategy="ensemble"))
        assert answer.decided_by == "ensemble"
        engine.outcomes([finished(f"r{n}", cost=2.0, builtinCost=1.0)])
    answer = await engine.optimize(OptimizeRequest("after", "scheduling", ALIKE, strategy="ensemble"))
    assert answer.decided_by == "builtin:least-loaded"
    assert "ensemble was not followed: what it decided cost 2.00 times" in answer.reasons[0]


async def test_a_kept_answer_is_not_given_once_its_decider_is_set_aside(rig):
    engine = rig.engine(rig.Plugin("p", optimize=lambda asked: {"result": PACKED_TIGHT}), guard_outcomes=5)
    for n in range(5):
        answer = await engine.optimize(OptimizeRequest(f"r{n}", "resource", HARD))
        assert answer.decided_by == "p@1.0.0" and answer.cached == (n > 0)
        engine.outcomes([finished(f"r{n}", cost=2.0, builtinCost=1.0)])
    answer = await engine.optimize(OptimizeRequest("after", "resource", HARD))
    assert answer.decided_by == "builtin:first-fit-decreasing" and not answer.cached


async def test_a_combined_prediction_has_an_interval_of_its_own(rig):
    ones = [
        rig.Plugin(
            name, predict=lambda asked, f=f: {"prediction": f * asked["input"]["x"], "confidence": 0.5}
        )
        for name, f in (("low", 0.9), ("right", 1.0), ("high", 1.1))
    ]
    engine = rig.engine(*ones, cache_entries=0)
    for n in range(60):
        answer = await engine.optimize(OptimizeRequest(f"r{n}", "ml-driven", {"x": 100.0}))
        assert answer.decided_by == "ensemble" and ("interval" in answer.result) == (n >= 20)
        engine.outcomes([finished(f"r{n}", realised=100.0 + n % 10)])
    low, high = answer.result["interval"][""]
    assert (answer.result["prediction"], low, high) == (100.0, 92.0, 108.0)

"""Answers that are kept, equal requests in flight, and many requests in one."""

from __future__ import annotations

from plugin_sdk.contract.problems import OptimizeRequest

PACK = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}


async def test_an_equal_request_gets_the_kept_answer_under_its_own_id(rig):
    plugin = rig.Plugin("p", optimize={"abstained": True})
    engine = rig.engine(plugin)
    first = await engine.optimize(OptimizeRequest("one", "resource", PACK))
    again = await engine.optimize(OptimizeRequest("two", "resource", PACK, deadline_ms=900))
    assert (first.cached, again.cached, again.request_id) == (False, True, "two")
    assert again.result == first.result and len(plugin.calls) == 1
    assert [request.id for request, _ in rig.history.records] == ["one", "two"]
    stats = engine.cache_statistics()
    assert (stats.hits, stats.misses, stats.size) == (1, 1, 1)


async def test_an_answer_is_not_kept_past_a_change_of_a_plugin(rig):
    plugin = rig.Plugin("p", optimize={"abstained": True})
    engine = rig.engine(plugin)
    await engine.optimize(OptimizeRequest("one", "resource", PACK))
    plugin.state = "a new model"
    assert not (await engine.optimize(OptimizeRequest("two", "resource", PACK))).cached
    assert engine.cache_statistics().dropped == 1


async def test_an_answer_that_is_degraded_or_no_success_is_not_kept(rig):
    broken = rig.Plugin("p", optimize=b"null")
    engine = rig.engine(broken)
    for _ in range(2):
        assert not (await engine.optimize(OptimizeRequest("r", "resource", PACK))).cached
    impossible = {"items": [{"id": "a", "cpu": 3}], "nodeCapacity": {"cpu": 2}}
    engine = rig.engine()
    for _ in range(2):
        assert not (await engine.optimize(OptimizeRequest("r", "resource", impossible))).cached
    assert engine.cache_statistics().size == 0


async def test_equal_requests_in_flight_are_one_piece_of_work(rig, within):
    plugin = rig.Plugin("p", optimize={"abstained": True})
    engine = rig.engine(plugin)
    async with within(20):
        answers = await engine.optimize_many(
            [OptimizeRequest(f"r{n}", "resource", PACK, strategy="priority") for n in range(8)]
        )
    assert [answer.request_id for answer in answers] == [f"r{n}" for n in range(8)]
    assert len(plugin.calls) == 1
    assert engine.cache_statistics().joined == 7


async def test_each_of_many_requests_has_its_own_outcome_in_order(rig, within):
    requests = [
        OptimizeRequest("good", "resource", PACK),
        OptimizeRequest("malformed", "resource", {}),
        OptimizeRequest("nobody", "ml-driven", {"x": 1}),
        OptimizeRequest("also good", "resource", {**PACK, "nodeCapacity": {"cpu": 4}}),
    ]
    async with within(20):
        found = await rig.engine().optimize_many(requests)
    assert [type(each).__name__ for each in found] == ["Answer", "MissingError", "NoAnswerError", "Answer"]
    assert found[3].request_id == "also good"

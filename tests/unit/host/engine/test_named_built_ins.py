"""Built-ins by name: asked besides the usual ones, before them under `priority`, and refused where there is none."""

from __future__ import annotations

import importlib.util

import pytest

from plugin_sdk.contract.problems import ProblemError

# A wide job first, and short ones behind it that fit only before or after it.
QUEUE = {
    "jobs": [
        {"id": "wide", "submit": 0, "procs": 4, "requestedTime": 3_600_000},
        {"id": "short", "submit": 1, "procs": 4, "requestedTime": 10_000},
    ],
    "cluster": {"procs": 4},
    "now": 60_000,
}
PACK = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}}


async def test_the_usual_built_ins_leave_the_orders_that_may_starve_somebody_out(rig):
    answer = await rig.ask("scheduling", QUEUE)
    assert {each.by for each in answer.candidates} == {"builtin:easy", "builtin:fcfs"}
    assert answer.result["start"] == ["wide"]


@pytest.mark.parametrize("name", ["sjf", "saf", "wfp3", "f1", "easy++"])
async def test_one_that_a_request_names_is_a_candidate_more(rig, name):
    answer = await rig.ask("scheduling", QUEUE, built_ins=[name])
    assert {each.by for each in answer.candidates} == {"builtin:easy", "builtin:fcfs", f"builtin:{name}"}
    if name in ("sjf", "saf"):
        assert (answer.decided_by, answer.result["start"]) == (f"builtin:{name}", ["short"])


async def test_under_priority_the_one_that_is_named_decides_and_no_other_is_asked(rig):
    answer = await rig.ask("scheduling", QUEUE, built_ins=["sjf"], strategy="priority")
    assert [each.by for each in answer.candidates] == ["builtin:sjf"]
    usual = await rig.ask("scheduling", QUEUE, strategy="priority")
    assert [each.by for each in usual.candidates] == ["builtin:easy"]


@pytest.mark.parametrize(
    ("type_", "data", "there_are"),
    [
        ("scheduling", QUEUE, "easy, fcfs, easy"),
        ("resource", PACK, "first-fit-decreasing, best-fit-decreasing, cp-sat"),
        ("ml-driven", {"x": 1}, "none: this type has no built-in"),
    ],
)
async def test_a_name_that_is_none_is_an_error_that_names_those_there_are(rig, type_, data, there_are):
    with pytest.raises(ProblemError, match=there_are) as found:
        await rig.ask(type_, data, built_ins=["easy-does-it"])
    assert (found.value.path, found.value.value) == ("builtIns[0]", "easy-does-it")


async def test_two_requests_that_name_others_are_not_the_same_to_the_cache(rig):
    engine = rig.engine()
    from plugin_sdk.contract.problems import OptimizeRequest

    plain = await engine.optimize(OptimizeRequest("a", "scheduling", QUEUE))
    named = await engine.optimize(OptimizeRequest("b", "scheduling", QUEUE, built_ins=["sjf"]))
    assert (plain.decided_by, named.decided_by) == ("builtin:easy", "builtin:sjf")


@pytest.mark.skipif(importlib.util.find_spec("ortools") is not None, reason="CP-SAT is installed here")
async def test_cp_sat_by_name_where_it_is_not_installed_is_said(rig):
    answer = await rig.ask("resource", PACK, built_ins=["cp-sat"])
    assert answer.success and answer.degraded
    assert any("engine-ops[solve]" in each for each in answer.reasons)

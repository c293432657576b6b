"""Plugins that lie, as real sandboxed processes of a running host, and what its callers see of it over HTTP.

The same liars by the thousand calls, scripted: tests/unit/host/engine/test_liars.py. Source: docs/explanation/the-promise.md.
"""

from __future__ import annotations

import itertools
import json
import time

import pytest

from host.engine.checks.table import checks_for
from host.engine.replies import read_reply
from host.solvers.stop import never
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem
from tests.integration.gateway.serving import put_plugin, serving

LIAR = """
import json, sys, time

LIES = json.loads(%(lies)r)
calls = 0


class Liar:
    def optimize(self, request, history):
        global calls
        calls += 1
        kind = next(name for name in ("items", "task", "pods", "jobs") if name in request["data"])
        how = %(how)r
        if how == "even":
            how = "worst" if calls %% 2 else "infeasible"
        if how == "slower":
            time.sleep(min(0.02 * 2 ** calls, 0.4))
            how = "worst"
        said = {"success": True, "result": LIES[how][kind], "confidence": 1.0, "objective": [-1e9]}
        return said
"""
MANIFEST = '[plugin]\nname = "{name}"\nversion = "1.0.0"\nhandles = ["resource", "scheduling"]\nentry = "plugin:Liar"\n'
# Without the SDK it can say NaN, which no JSON library of ours would write.
NOT_A_NUMBER = """import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        plugin = {"name": "nan", "version": "1.0.0"}
        said = {"protocol": 1, "plugin": plugin, "capabilities": {"optimize": {}}}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": said}), flush=True)
    elif "id" in asked:
        print('{"jsonrpc": "2.0", "id": %s, "result": {"result": {"nodes": NaN}, "objective": NaN}}' % json.dumps(asked["id"]), flush=True)
"""

REQUESTS = {
    "items": (
        "resource",
        {
            "items": [{"id": f"i{n}", "cpu": cpu} for n, cpu in enumerate([44, 24, 24, 22, 21, 17, 8, 8])],
            "nodeCapacity": {"cpu": 61},
        },
    ),
    "task": (
        "scheduling",
        {
            "task": {"id": "t", "cpuRequired": 30, "memoryRequired": 10},
            "nodes": [
                {"id": n, "cpuLoad": c, "memoryLoad": 20} for n, c in [("a", 80), ("b", 20), ("c", 50)]
            ],
        },
    ),
    "pods": (
        "scheduling",
        {
            "pods": [
                {"id": f"p{n}", "cpu": 2, "memory": 1, "gpu": {"milli": m}} for n, m in enumerate([600, 1000])
            ],
            "nodes": [{"id": "x", "cpu": 8, "memory": 8, "gpus": 2}],
        },
    ),
    "jobs": (
        "scheduling",
        {
            "jobs": [
                {"id": f"j{n}", "submit": 10 * n, "procs": procs, "requestedTime": long}
                for n, (procs, long) in enumerate([(4, 3_600_000), (2, 20_000), (1, 5_000)])
            ],
            "running": [{"id": "r", "procs": 2, "start": 0, "requestedTime": 50_000}],
            "cluster": {"procs": 4},
            "now": 1000,
        },
    ),
}
LIES = {
    "infeasible": {
        "items": {"nodes": [{"id": "n", "items": [f"i{n}" for n in range(8)]}], "unplacedItems": []},
        "task": {"nodeId": "moon"},
        "pods": {
            "placements": [{"pod": f"p{n}", "node": "x", "gpus": [0]} for n in range(2)],
            "unplaced": [],
        },
        "jobs": {"start": ["j0", "j1"], "order": ["j0", "j1", "j2"]},
    },
    "overlapping": {
        "items": {"nodes": [{"id": "n", "items": ["i0"]}, {"id": "m", "items": ["i0"]}]},
        "task": {"nodeId": ["a", "b"]},
        "pods": {"placements": [{"pod": "p0", "node": "x", "gpus": [0]}] * 2, "unplaced": ["p1"]},
        "jobs": {"start": ["j1", "j1"], "order": ["j1", "j1", "j0", "j2"]},
    },
    "worst": {
        "items": {"nodes": [], "unplacedItems": [f"i{n}" for n in range(8)]},
        "task": {"nodeId": "a"},
        "pods": {"placements": [], "unplaced": ["p0", "p1"]},
        "jobs": {"start": [], "order": ["j0", "j1", "j2"]},
    },
}
HOW = {
    "infeasible": "infeasible",
    "overlapping": "overlapping",
    "boastful": "worst",
    "even": "even",
    "slower": "slower",
}
CROWD = {f"crowd-{n}": "worst" for n in range(4)}  # with the others a majority that agrees
DEADLINE_S = 1.0
BUSY_MACHINE_S = 20.0


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("liars")
    for name, how in {**HOW, **CROWD}.items():
        put_plugin(folder, name, MANIFEST.format(name=name), LIAR % {"lies": json.dumps(LIES), "how": how})
    place = folder / "plugins" / "nan"
    place.mkdir()
    manifest = MANIFEST.format(name="nan").replace('entry = "plugin:Liar"', 'command = ["python3", "nan.py"]')
    (place / "plugin.toml").write_text(manifest + "protocol = 1\n")
    (place / "nan.py").write_text(NOT_A_NUMBER)
    # Breakers would leave the liars unasked after five lies; here each lie is to be seen.
    with serving(
        folder, ENGINE_OPS_ENGINE_CACHE_ENTRIES="0", ENGINE_OPS_BREAKER_IN_A_ROW="100000"
    ) as process:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            states = {
                each["name"]: each["state"] for each in process.rpc("plugins.list")["result"]["plugins"]
            }
            if list(states.values()).count("ready") == len(HOW) + len(CROWD) + 1:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"not all came up: {states}")
        yield process


@pytest.mark.parametrize("strategy", ["best", "priority", "ensemble"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_ten_liars_together_cost_the_caller_nothing(host, kind, strategy):
    type_, data = REQUESTS[kind]
    problem = parse_problem(OptimizeRequest("r", type_, data))
    request = {"id": f"{kind}-{strategy}", "type": type_, "data": data, "strategy": strategy}
    began = time.monotonic()
    answer = host.rpc("engine.optimize", {**request, "deadlineMs": DEADLINE_S * 1000})["result"]
    assert time.monotonic() - began < DEADLINE_S + 0.1 + BUSY_MACHINE_S
    assert answer["success"]
    reply = read_reply(problem, "optimize", json.dumps({"result": answer["result"]}).encode())
    assessment = checks_for(problem).assess(problem, reply.answer, never)
    assert assessment.verdict.ok, assessment.verdict.broken
    status = {each["by"].split("@")[0]: each["status"] for each in answer["candidates"]}
    for name in ("infeasible", "overlapping", "nan"):
        assert status.get(name, "late") in ("invalid", "failed", "late"), (name, status)
    if answer["strategy"] == "priority":
        return  # the first feasible answer counts, better or not: that is what it is for
    own = min(each["objective"] for each in answer["candidates"] if each["by"].startswith("builtin:"))
    assert answer["objective"] <= own
    assert tuple(answer["objective"]) == assessment.objective
    assert answer["degraded"] and answer["reasons"]


def test_one_whose_decisions_cost_more_is_set_aside_and_it_is_shown(host):
    """`priority` follows it, confident and wrong as it is, until outcomes say what it costs."""
    type_, data = REQUESTS["task"]
    for name in (*HOW, *CROWD, "nan"):
        if name != "boastful":
            host.rpc("plugins.disable", {"name": name})
    for number in itertools.count():
        request = {"id": f"guarded-{number}", "type": type_, "data": data, "strategy": "priority"}
        answer = host.rpc("engine.optimize", request)["result"]
        if answer["decidedBy"].startswith("builtin:"):
            break
        assert number < 40, answer
        assert answer["decidedBy"] == "boastful@1.0.0"
        point = {
            "timestamp": 1_700_000_000_000 + number,
            "requestType": type_,
            "resourceUsage": {},
            "duration": 1,
        }
        point |= {"success": True, "requestId": request["id"], "metadata": {"cost": 3.0, "builtinCost": 1.0}}
        host.rpc("workload.record", {"points": [point]})
    assert number == 20, (answer["candidates"], answer.get("reasons"))  # outcomes that a verdict takes
    assert answer["degraded"] and any("cost 3.00 times" in each for each in answer["reasons"])
    adviser = host.rpc("host.info")["result"]["engine"]["advisers"]["one-task boastful@1.0.0"]
    assert (adviser["state"], adviser["timesAside"]) == ("aside", 1)

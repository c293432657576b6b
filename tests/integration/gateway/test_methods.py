"""Deadlines, traces, keys, many at once, and every method's answer against its own schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from jsonrpcclient import Ok, parse, request

from host.workload.errors import KeyReusedError

OPTIMIZE = {"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}}
HANG = {**OPTIMIZE, "data": {"do": "hang"}}
POINT = {"timestamp": 1.0, "requestType": "scheduling", "resourceUsage": {}, "duration": 5, "success": True}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_one_prediction_and_many(served: Any) -> None:
    one = await served.rpc("plugins.predict", {"name": "forest", "input": {"user": "mia"}, "deadlineMs": 250})
    made = {
        "prediction": {"runtimeMs": 1.5},
        "confidence": 0.5,
        "modelId": "forest-1",
        "metadata": {"trees": 3, "quantiles": {"0.9": 2.0}},
    }
    assert (one["result"], served.host.deadlines) == (made, [0.25])
    many = await served.rpc("plugins.predictMany", {"name": "forest", "inputs": [{}, "no", {}]})
    first, second, third = many["result"]["predictions"]
    assert (first, third) == (made, made)
    assert second["error"]["data"]["kind"] == "noAnswer"
    refused = await served.rpc("plugins.predict", {"name": "forest", "input": "no"})
    assert (refused["error"]["code"], "not my kind" in refused["error"]["message"]) == (-32017, True)


async def test_a_plugin_is_configured_and_trained(served: Any) -> None:
    change = {"priority": 7, "config": {"depth": 3}, "limits": {"memory": "1GiB"}}
    assert (await served.rpc("plugins.configure", {"name": "forest", **change}))["result"]["name"] == "forest"
    assert served.host.configured == change
    trained = await served.rpc("plugins.train", {"name": "forest"})
    assert trained["result"] == {"name": "forest", "trained": True, "metrics": {"points": 12.0}}
    assert served.host.changes == [("configure", "forest"), ("train", "forest")]
    nothing = await served.rpc("plugins.configure", {"name": "forest"})
    assert "at least one" in nothing["error"]["message"]


async def test_many_requests_are_answered_together_each_or_its_error(served: Any) -> None:
    requests = [OPTIMIZE, {"id": "x"}, {**OPTIMIZE, "id": "r2"}, {**OPTIMIZE, "data": {"do": "nobody"}}]
    answers = (await served.rpc("engine.optimizeMany", {"requests": requests}))["result"]["answers"]
    assert [each.get("requestId") for each in answers] == ["r1", None, "r2", None]
    assert answers[1]["error"]["data"]["path"] == "requests[1].type"
    assert answers[3]["error"]["code"] == -32017
    figures = (await served.get("/api/v1/metrics")).json()
    assert (figures["requests"]["total"], figures["requestsByType"]) == (3, {"scheduling": 2})


@pytest.mark.parametrize("how", ["meta", "header", "both", "own"])
async def test_a_deadline_is_kept_however_it_is_given(served: Any, how: str) -> None:
    params = dict(HANG)
    headers = {}
    if how in ("meta", "both"):
        params["_meta"] = {"deadlineMs": 30 if how == "meta" else 60_000}
    if how in ("header", "both"):
        headers["Deadline_Ms"] = "30"
    if how == "own":
        params["deadlineMs"] = 30
    call = {"jsonrpc": "2.0", "id": 1, "method": "engine.optimize", "params": params}
    error = (await served.post("/rpc", call, **headers)).json()["error"]
    assert (error["code"], error["data"]["kind"], error["data"]["retryable"]) == (
        -32000,
        "deadlineExceeded",
        True,
    )
    assert served.host.cancelled.is_set()
    if how == "header":
        assert (await served.post("/api/v1/optimize", HANG, **headers)).status == 503


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon", "1e99", "٣"])
async def test_a_header_that_is_no_deadline_is_refused(served: Any, value: str) -> None:
    request_ = served.request("GET", "/api/v1/health", Deadline_Ms=value.encode().decode("latin-1"))
    assert (await request_).status == 400


@pytest.mark.parametrize("value", [0, -5, 1e18, "soon", True])
async def test_a_meta_member_that_is_no_deadline_is_refused(served: Any, value: object) -> None:
    for method, params in (("engine.optimize", OPTIMIZE), ("host.health", {})):
        error = (await served.rpc(method, {**params, "_meta": {"deadlineMs": value}}))["error"]
        assert (error["code"], error["data"]["path"]) == (-32602, "_meta.deadlineMs")


async def test_a_trace_goes_on_in_the_answer_and_a_malformed_one_begins_anew(served: Any) -> None:
    came = (await served.get("/livez", traceparent=PARENT)).headers["traceparent"]
    assert came.startswith("00-0af7651916cd43dd8448eb211c80319c-") and came.endswith("-01") and came != PARENT
    for wrong in ("00-" + "0" * 32 + "-b7ad6b7169203331-01", "nonsense", "ff" + PARENT[2:]):
        came = (await served.get("/livez", traceparent=wrong)).headers["traceparent"]
        assert len(came) == 55 and "0af7651916cd43dd8448eb211c80319c" not in came


async def test_points_with_a_key_are_kept_once(served: Any) -> None:
    params = {"points": [POINT], "_meta": {"idempotencyKey": "k1"}}
    for _ in range(2):
        assert (await served.rpc("workload.record", params))["result"] == {"recorded": 1}
    call = {"jsonrpc": "2.0", "id": 1, "method": "workload.record", "params": {"points": [POINT]}}
    for _ in range(2):
        await served.post("/rpc", call, Idempotency_Key="k2")
    assert len(served.host.points) == 2
    assert (
        served.host.keys == ["local\nk1"] * 2 + ["local\nk2"] * 2
    )  # one caller's key says nothing of another's


async def test_the_export_has_the_seeds_form(served: Any) -> None:
    await served.rpc("workload.record", {"points": [POINT]})
    (point,) = (await served.rpc("workload.export"))["result"]["data"]
    assert point["requestType"] == "scheduling"


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"host.info"}',
        b'{"jsonrpc":"2.0","id":1,"method":"engine.optimize","params":{"id":"a","type":"resource","data":{"x":1,"x":2}}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"host.info","m\\u0065thod":"host.health"}]',
    ],
)
async def test_a_member_that_stands_twice_is_refused_and_named(served: Any, body: bytes) -> None:
    error = (await served.post("/rpc", body)).json()["error"]
    assert (error["code"], "twice in one object" in error["data"]["hint"]) == (-32700, True)


async def test_jsonrpcclient_understands_every_answer(served: Any) -> None:
    for method in ("host.health", "plugins.list", "workload.stats", "rpc.discover"):
        reply = await served.post("/rpc", request(method, params={}))
        assert isinstance(parse(reply.json()), Ok)


async def test_results_are_as_rpc_discover_describes_them(served: Any) -> None:
    document = (await served.rpc("rpc.discover"))["result"]
    params = {
        "engine.optimize": OPTIMIZE,
        "engine.optimizeMany": {"requests": [OPTIMIZE]},
        "plugins.predict": {"name": "forest", "input": {}},
        "plugins.predictMany": {"name": "forest", "inputs": [{}]},
        "plugins.train": {"name": "forest"},
        "plugins.logs": {"name": "forest"},
        "plugins.enable": {"name": "forest"},
        "plugins.states": {"name": "forest"},
        "plugins.rollback": {"name": "forest", "version": 1},
        "workload.record": {"points": [POINT]},
        "workload.query": {},
        "workload.stats": {},
        "workload.export": {},
        "workload.training": {},
        "host.audit": {},
        "rpc.discover": {},
    }
    for method in document["methods"]:
        if method["name"] in params:
            result = (await served.rpc(method["name"], params[method["name"]]))["result"]
            schema = {**method["result"]["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(json.loads(json.dumps(schema))).validate(result)


async def test_the_page_and_its_parts_come_from_this_host_alone(served: Any) -> None:
    page = await served.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "http" not in policy and "unsafe" not in policy
    text = page.body.decode()
    for name in ("page.css", "page.js"):
        assert f"/docs/{name}" in text
        part = (await served.get(f"/docs/{name}")).body.decode()
        assert "://" not in part and "innerHTML" not in part
    assert (await served.get("/docs/..%2fassets.py")).status == 404


async def test_figures_for_prometheus_have_bounded_labels(served: Any) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    await served.rpc("engine.optimize", OPTIMIZE)
    for number in range(30):
        await served.rpc(f"made.up{number}")
        await served.get(f"/made/up/{number}")
    text = (await served.get("/metrics")).body.decode()
    families = {each.name: each for each in text_string_to_metric_families(text)}
    (decision,) = [each for each in families["engine_ops_decisions"].samples if each.name.endswith("_total")]
    assert (decision.labels, decision.value) == (
        {"type": "scheduling", "decider": "builtin:least-loaded"},
        1.0,
    )
    methods = {each.labels["method"] for each in families["engine_ops_calls"].samples}
    assert methods == {"engine.optimize", "(unknown)"}
    assert not any("made/up" in each.labels["route"] for each in families["engine_ops_http_requests"].samples)
    states = {each.labels["state"]: each.value for each in families["engine_ops_plugin_state"].samples}
    assert (states["ready"], sum(states.values())) == (1.0, 1.0)
    assert families["engine_ops_cache_hits"].samples[0].value == 3


async def test_a_key_that_stands_for_other_points_is_named_as_the_caller_gave_it(served: Any) -> None:
    async def record(points: object, key: str) -> int:
        raise KeyReusedError("of no matter", hint="give another")

    served.host.record = record
    said = await served.rpc("workload.record", {"points": [POINT], "_meta": {"idempotencyKey": "k1"}})
    error = said["error"]
    assert (error["data"]["path"], error["data"]["value"]) == ("_meta.idempotencyKey", "k1")
    assert "local" not in json.dumps(error)

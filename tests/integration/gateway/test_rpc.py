"""`POST /rpc`, over a real socket."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest

from plugin_sdk.contract.problems import OptimizeRequest

OPTIMIZE = {"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}}
POINT = {
    "timestamp": 1.0,
    "requestType": "scheduling",
    "resourceUsage": {"cpu": 1},
    "duration": 5,
    "success": True,
    "features": {"user": "u1"},
}


async def test_optimize_is_answered_with_all_the_contract_names(served: Any) -> None:
    result = (await served.rpc("engine.optimize", OPTIMIZE))["result"]
    assert result["requestId"] == "r1"
    assert result["result"] == {"nodeId": "n1"}
    assert result["metrics"] == {"durationMs": 2, "score": 0.5}
    assert {"success", "decidedBy", "strategy", "degraded", "candidates"} <= set(result)


async def test_what_a_request_was_made_of_goes_with_it_and_is_left_to_no_collection(served: Any) -> None:
    await served.rpc("engine.optimize", OPTIMIZE)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await served.rpc("engine.optimize", OPTIMIZE)
        left = [each for each in gc.get_objects() if isinstance(each, OptimizeRequest)]
    finally:
        gc.enable()
    assert len(left) <= 1  # the last may be on its way still


async def test_every_method_answers(served: Any) -> None:
    assert (await served.rpc("plugins.list"))["result"]["count"] == 1
    assert (await served.rpc("plugins.get", {"name": "forest"}))["result"]["state"] == "ready"
    for what in ("enable", "disable", "restart"):
        changed = await served.rpc(f"plugins.{what}", {"name": "forest"})
        assert changed["result"]["name"] == "forest"
    assert served.host.changes == [("enable", "forest"), ("disable", "forest"), ("restart", "forest")]
    assert (await served.rpc("plugins.logs", {"name": "forest", "limit": 1}))["result"]["lines"] == [
        "\x1b[31mtwo"
    ]
    assert (await served.rpc("workload.record", {"points": [POINT]}))["result"] == {"recorded": 1}
    (point,) = (await served.rpc("workload.query", {"type": "scheduling", "limit": 5}))["result"]["points"]
    assert point == {**POINT, "metadata": {}}
    assert (await served.rpc("workload.stats"))["result"]["totalRequests"] == 1
    assert (await served.rpc("workload.training", {"start": 0}))["result"]["metadata"]["size"] == 0
    assert (await served.rpc("host.info"))["result"] == {"name": "engine-ops"}
    assert (await served.rpc("host.health"))["result"] == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "params", "path", "says"),
    [
        ("engine.optimize", [OPTIMIZE], "params", "by name"),
        ("engine.optimize", {"id": "x", "data": {}}, "type", "missing"),
        ("engine.optimize", {**OPTIMIZE, "deadlineMs": -1}, "deadlineMs", "above 0"),
        ("engine.optimize", {**OPTIMIZE, "stratgy": "best"}, "stratgy", "did you mean 'strategy'"),
        ("plugins.get", {}, "name", "missing"),
        ("plugins.get", {"name": 5}, "name", "a text"),
        ("plugins.get", {"nam": "forest"}, "nam", "did you mean 'name'"),
        ("plugins.list", {"x": 1}, "x", "no parameters"),
        ("plugins.logs", {"name": "forest", "limit": 0}, "limit", "limit is 0"),
        (
            "workload.record",
            {"points": [POINT, {**POINT, "duration": -1}]},
            "points[1].duration",
            "0 or more",
        ),
        (
            "workload.record",
            {"points": [{**POINT, "requestType": ""}]},
            "points[0].requestType",
            "scheduling",
        ),
        ("workload.record", {"points": [{"timestamp": 1}]}, "points[0].requestType", "missing"),
        ("workload.query", {"start": 5, "end": 4}, "start", "not after end"),
    ],
)
async def test_bad_parameters_are_named_with_their_path_and_the_remedy(
    served: Any, method: str, params: object, path: str, says: str
) -> None:
    error = (await served.rpc(method, params))["error"]
    assert error["code"] == -32602
    assert error["data"]["kind"] == "invalidParams"
    assert error["data"]["path"] == path
    assert says in error["message"]


async def test_an_unknown_plugin_is_not_found_with_a_hint(served: Any) -> None:
    error = (await served.rpc("plugins.enable", {"name": "forrest"}))["error"]
    assert (error["code"], error["data"]["hint"]) == (-32007, "did you mean 'forest'?")


async def test_a_notification_is_answered_with_204_and_nothing(served: Any) -> None:
    reply = await served.post(
        "/rpc", {"jsonrpc": "2.0", "method": "plugins.enable", "params": {"name": "forest"}}
    )
    assert (reply.status, reply.body) == (204, b"")
    assert served.host.changes == [("enable", "forest")]


async def test_a_batch_with_one_bad_entry_answers_the_good_ones(served: Any) -> None:
    good = {"jsonrpc": "2.0", "id": 7, "method": "host.info"}
    reply = await served.post("/rpc", [1, good, {**good, "id": 8, "method": "nope"}])
    assert [each.get("error", {}).get("code") for each in reply.json()] == [-32600, None, -32601]


@pytest.mark.parametrize(
    "body", [b"nonsense", b"", b'{"a": NaN}', b"\xff\xfe{\x00}\x00", b"[" * 5000 + b"]" * 5000]
)
async def test_what_is_not_json_is_a_parse_error_with_status_200(served: Any, body: bytes) -> None:
    reply = await served.post("/rpc", body)
    assert (reply.status, reply.json()["error"]["code"], reply.json()["id"]) == (200, -32700, None)


async def test_refusals_by_http_are_error_objects_here(served: Any) -> None:
    reply = await served.post("/rpc", {}, Content_Type="text/plain")
    assert reply.status == 415
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json()["error"]["code"] == -32600
    assert "application/json" in reply.json()["error"]["message"]


async def test_a_fault_of_the_host_says_nothing_of_itself(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    response = await served.rpc("engine.optimize", {**OPTIMIZE, "data": {"do": "break"}})
    assert response["error"]["code"] == -32603
    assert "hunter2" not in json.dumps(response)
    assert "hunter2" in caplog.text


@pytest.mark.fault("caller-gone")
async def test_a_caller_who_goes_away_cancels_its_request(served: Any) -> None:
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "engine.optimize",
            "params": {**OPTIMIZE, "data": {"do": "hang"}},
        }
    ).encode()
    _, writer = await asyncio.open_connection(*served.address)
    writer.write(
        b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    async with asyncio.timeout(5):
        await served.host.hanging.wait()
        writer.close()
        await writer.wait_closed()
        await served.host.cancelled.wait()
    metrics = (await served.get("/api/v1/metrics")).json()
    assert (metrics["requests"]["cancelled"], metrics["requests"]["inFlight"]) == (1, 0)

"""The seed's REST routes, read as its clients read them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from plugin_sdk.contract.workload import WorkloadDataPoint

OPTIMIZE = {"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}}


def seed_client(url: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Posts {id, type, data} and reads the body whatever the status, as the seed's clients do."""
    posted = urllib.request.Request(
        f"{url}/api/v1/optimize", json.dumps(request).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(posted, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


async def test_a_client_of_the_seed_gets_its_answer(served: Any) -> None:
    status, answer = await asyncio.to_thread(seed_client, served.url, OPTIMIZE)
    assert status == 200
    assert (answer["requestId"], answer["success"], answer["result"]) == ("r1", True, {"nodeId": "n1"})
    assert type(answer["metrics"]["durationMs"]) is int
    assert answer["metrics"]["score"] == 0.5


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({**OPTIMIZE, "data": {"do": "fail"}}, "no item fits any node"),
        ({**OPTIMIZE, "data": {"do": "nobody"}}, "no plugin handles ml-driven"),
        ({**OPTIMIZE, "type": "schedulng"}, "did you mean 'scheduling'"),
        ({"id": "r1", "type": "scheduling"}, "data is missing"),
    ],
)
async def test_a_client_of_the_seed_can_read_every_failure(
    served: Any, request_: dict[str, Any], error: str
) -> None:
    status, answer = await asyncio.to_thread(seed_client, served.url, request_)
    assert (status, answer["status"], answer["success"]) == (400, 400, False)
    assert answer["requestId"] == "r1"
    assert error in answer["error"]
    assert answer["detail"] == answer["error"]
    assert type(answer["metrics"]["durationMs"]) is int


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"5", b'{"id": NaN}', b'{"id": {}}'])
async def test_a_body_that_is_no_request_is_a_problem(served: Any, body: bytes) -> None:
    reply = await served.post("/api/v1/optimize", body)
    assert reply.status == 400
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert (reply.json()["requestId"], reply.json()["success"]) == ("", False)
    assert {"type", "title", "status", "detail", "code", "kind"} <= set(reply.json())


async def test_a_fault_of_the_host_is_a_500_that_says_nothing_of_itself(served: Any) -> None:
    reply = await served.post("/api/v1/optimize", {**OPTIMIZE, "data": {"do": "break"}})
    assert reply.status == 500
    assert b"hunter2" not in reply.body
    assert reply.json()["success"] is False


async def test_the_list_of_plugins_is_as_the_seed_had_it(served: Any) -> None:
    listed = (await served.get("/api/v1/plugins")).json()
    assert listed["count"] == 1
    assert {"name", "version", "description", "author", "supportedTypes", "config"} <= set(
        listed["plugins"][0]
    )


async def test_one_plugin_is_metadata_and_config_and_our_status(served: Any) -> None:
    shown = (await served.get("/api/v1/plugins/forest")).json()
    assert shown["metadata"] == {
        "name": "forest",
        "version": "1.2.0",
        "description": "Predicts",
        "author": "somebody",
        "supportedTypes": ["scheduling"],
    }
    assert shown["config"] == {"enabled": True, "priority": 10, "config": {}}
    assert shown["status"]["state"] == "ready"


@pytest.mark.parametrize("what", ["enable", "disable"])
@pytest.mark.parametrize("body", [None, b"", b"{}"])
async def test_a_plugin_is_switched_with_or_without_a_body(
    served: Any, what: str, body: bytes | None
) -> None:
    reply = await served.request("POST", f"/api/v1/plugins/forest/{what}", body)
    assert (reply.status, reply.json()) == (200, {"message": f"Plugin {what}d", "name": "forest"})
    assert served.host.changes == [(what, "forest")]


@pytest.mark.parametrize(
    "path", ["/api/v1/plugins/{}", "/api/v1/plugins/{}/enable", "/api/v1/plugins/{}/disable"]
)
@pytest.mark.parametrize("name", ["forrest", "%ff", "..%2f..%2fetc", "%ED%A0%80", "-rf"])
async def test_an_unknown_plugin_is_404_with_error_and_name(served: Any, path: str, name: str) -> None:
    method = "POST" if path.endswith("able") else "GET"
    reply = await served.request(method, path.format(name))
    assert reply.status == 404
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert {"error", "name", "detail", "hint"} <= set(reply.json())


async def test_the_workload_routes_are_not_taken_for_a_plugin(served: Any) -> None:
    path = "/api/v1/plugins/workload-data"
    stats = (await served.get(f"{path}/stats?type=scheduling")).json()
    assert {"totalRequests", "successRate", "avgDuration", "byType"} <= set(stats)
    exported = (await served.get(f"{path}/export?type=scheduling&start=1&end=2.5&limit=10")).json()
    assert exported == {"data": [], "count": 0}
    training = (await served.get(f"{path}/training-format")).json()
    assert {"features", "labels", "metadata"} <= set(training)
    first, second, _ = served.host.selections
    assert (first.type, first.limit) == ("scheduling", None)
    assert (second.start, second.end, second.limit) == (1.0, 2.5, 10)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=abc",
        "limit=",
        "limit=1.5",
        "start=nan",
        "end=1e999",
        "start=x",
        "start=5&end=1",
    ],
)
async def test_a_bad_query_value_is_a_400_that_names_it(served: Any, query: str) -> None:
    reply = await served.get(f"/api/v1/plugins/workload-data/export?{query}")
    assert reply.status == 400
    assert reply.json()["path"] == query.split("=")[0]
    assert served.host.selections == []


@pytest.mark.parametrize(("query", "path"), [("lmit=5", "lmit"), ("limit=1&limit=2", "limit")])
async def test_a_query_name_that_is_unknown_or_given_twice_is_named(
    served: Any, query: str, path: str
) -> None:
    reply = await served.get(f"/api/v1/plugins/workload-data/stats?{query}")
    assert (reply.status, reply.json()["path"]) == (400, path)


async def test_head_is_answered_where_get_is_and_has_an_end(served: Any) -> None:
    async def head(path: str) -> bytes:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(20):
            said = await reader.read()
        writer.close()
        return said

    for path in ("/livez", "/readyz", "/", "/api/v1/plugins"):
        said = await head(path)
        assert said.startswith(b"HTTP/1.1 200")
        assert said.endswith(b"\r\n\r\n")
    assert (await head("/events")).startswith(b"HTTP/1.1 405")


async def test_health_metrics_and_cache_are_json_objects(served: Any) -> None:
    await served.post("/api/v1/optimize", OPTIMIZE)
    await served.post("/api/v1/optimize", {**OPTIMIZE, "data": {"do": "fail"}})
    assert (await served.get("/api/v1/health")).json() == {"status": "ok"}
    metrics = (await served.get("/api/v1/metrics")).json()
    assert {name: metrics["requests"][name] for name in ("total", "succeeded", "failed")} == {
        "total": 2,
        "succeeded": 1,
        "failed": 1,
    }
    assert (await served.get("/api/v1/cache/stats")).json()["hits"] == 3


async def test_the_root_lists_every_endpoint(served: Any) -> None:
    root = (await served.get("/")).json()
    assert root["name"] == "engine-ops"
    assert {"POST /rpc", "POST /api/v1/optimize", "GET /api/v1/plugins/{name}"} <= set(root["endpoints"])


async def test_readyz_follows_the_host_and_livez_does_not(served: Any) -> None:
    assert (await served.get("/readyz")).status == 200
    served.host.is_ready = False
    reply = await served.get("/readyz")
    assert (reply.status, reply.json()["reasons"]) == (503, ["stopping"])
    assert (await served.get("/livez")).status == 200


async def test_the_head_of_a_long_export_is_a_head_alone(served: Any) -> None:
    served.host.points = [WorkloadDataPoint(1.0, "x", {}, 5.0, True)] * 3
    host = served.url.removeprefix("http://")
    head = f"HEAD /api/v1/plugins/workload-data/export HTTP/1.1\r\nHost: {host}\r\n\r\n"
    last = f"GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write((head + last).encode())
    async with asyncio.timeout(20):
        first, second = (await reader.read()).split(b"HTTP/1.1 ")[1:]
    writer.close()
    assert (first[:3], second[:3]) == (b"200", b"200")
    assert first.endswith(b"\r\n\r\n") and b"data" not in first, "nothing between one answer and the next"
    assert second.endswith(b'{"status":"alive"}')

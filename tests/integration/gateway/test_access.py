"""Who may come in and how often, over a real socket: tokens before bodies, rates, sites that are listed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from host.gateway.access.audit import AuditLog
from host.gateway.access.tokens import TokenStore
from host.gateway.config import GatewayConfig
from host.gateway.front import Access
from host.gateway.http import listen, make_app
from tests.integration.gateway.conftest import ScriptedHost, Served

OPTIMIZE = {"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}}


class Guarded:
    """A host that asks for tokens, and one of each role."""

    def __init__(self, served: Served, store: TokenStore) -> None:
        self.served = served
        self.store = store
        self.bearer = {
            role: f"Bearer {store.new(role, role, 0.0)[1]}" for role in ("read", "operate", "admin")
        }


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    store = TokenStore(tmp_path)
    config = GatewayConfig(rate_per_s=50.0, burst=20, allowed_origins=("https://ops.example",))
    host = ScriptedHost()
    app = make_app(host, config, Access(store, AuditLog(tmp_path)))
    runner, url = await listen(app, "127.0.0.1", 0)
    try:
        yield Guarded(Served(host, url, app, runner), store)
    finally:
        await runner.cleanup()


def call(method: str, params: object = None, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}


NEEDS = {
    "engine.optimize": ("operate", OPTIMIZE),
    "engine.optimizeMany": ("operate", {"requests": [OPTIMIZE]}),
    "plugins.list": ("read", {}),
    "plugins.predict": ("operate", {"name": "forest", "input": {}}),
    "plugins.disable": ("operate", {"name": "forest"}),
    "plugins.train": ("operate", {"name": "forest"}),
    "plugins.configure": ("admin", {"name": "forest", "priority": 1}),
    "plugins.logs": ("read", {"name": "forest"}),
    "plugins.states": ("read", {"name": "forest"}),
    "plugins.rollback": ("operate", {"name": "forest"}),
    "workload.record": ("operate", {"points": []}),
    "workload.export": ("read", {}),
    "host.audit": ("admin", {}),
    "rpc.discover": ("read", {}),
}


@pytest.mark.parametrize("method", NEEDS)
async def test_a_method_is_for_its_role_and_those_above(guarded: Guarded, method: str) -> None:
    needs, params = NEEDS[method]
    for role in ("read", "operate", "admin"):
        reply = await guarded.served.post("/rpc", call(method, params), Authorization=guarded.bearer[role])
        allowed = ["read", "operate", "admin"].index(role) >= ["read", "operate", "admin"].index(needs)
        error = reply.json().get("error")
        assert (error is None) == allowed, error
        if error is not None:
            assert (error["code"], error["data"]["kind"]) == (-32019, "forbidden")


@pytest.mark.fault("caller-stranger")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer eo_00000000_x"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer \xff\xfe"},
        {"X_Api_Key": "x"},
    ],
    ids=["none", "empty", "unknown", "basic", "not text", "other header"],
)
async def test_without_a_token_that_holds_nothing_is_said_but_that(
    guarded: Guarded, headers: dict[str, str]
) -> None:
    for path in ("/rpc", "/api/v1/plugins", "/metrics", "/openapi.json", "/events", "/ws", "/"):
        body = json.dumps(call("host.info")).encode() if path == "/rpc" else None
        reply = await guarded.served.request("POST" if body else "GET", path, body, **headers)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="engine-ops"')
        assert b"forest" not in reply.body
    for path in ("/livez", "/readyz", "/docs", "/docs/page.js"):
        assert (await guarded.served.get(path, **headers)).status == 200


async def test_the_body_of_who_may_not_come_in_is_not_read(guarded: Guarded) -> None:
    reader, writer = await asyncio.open_connection(*guarded.served.address)
    writer.write(
        b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    )
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        rest = await reader.read()  # the host ends the connection: it does not wait for the body
    assert b"Connection: close" in rest
    writer.close()


async def test_over_its_rate_a_token_is_told_when_to_come_back_and_others_are_not_kept_out(
    guarded: Guarded,
) -> None:
    served, mine = guarded.served, guarded.bearer["operate"]
    first = await served.get("/api/v1/health", Authorization=mine)
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("20", "19")
    batch = [call("host.health", id=number) for number in range(40)]
    assert (await served.post("/rpc", batch, Authorization=mine)).status == 200
    refused = await served.post("/rpc", call("host.health"), Authorization=mine)
    assert refused.status == 429
    error = refused.json()["error"]
    assert (error["code"], error["data"]["kind"], error["data"]["retryable"]) == (-32014, "rateLimited", True)
    assert error["data"]["retryAfterMs"] > 0
    assert int(refused.headers["retry-after"]) >= 1
    problem = await served.get("/api/v1/plugins", Authorization=mine)
    assert (problem.status, problem.headers["content-type"]) == (429, "application/problem+json")
    assert (await served.get("/api/v1/health", Authorization=guarded.bearer["read"])).status == 200
    assert (await served.get("/livez", Authorization=mine)).status == 200
    async with asyncio.timeout(20):
        while (await served.get("/api/v1/health", Authorization=mine)).status == 429:
            await asyncio.sleep(0.05)


@pytest.mark.fault("caller-guesses")
async def test_an_address_that_keeps_trying_tokens_is_slowed_down(guarded: Guarded) -> None:
    statuses = [
        (await guarded.served.get("/api/v1/health", Authorization=f"Bearer eo_0_{number}")).status
        for number in range(40)
    ]
    assert statuses[:20] == [401] * 20
    assert 429 in statuses
    assert (await guarded.served.get("/api/v1/health", Authorization=guarded.bearer["read"])).status == 200


async def test_pages_of_listed_sites_may_call_and_of_others_not(guarded: Guarded) -> None:
    served, bearer = guarded.served, guarded.bearer["read"]
    asked = {"Origin": "https://ops.example", "Access_Control_Request_Method": "POST"}
    preflight = await served.request("OPTIONS", "/rpc", **asked)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (
        204,
        "https://ops.example",
    )
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    reply = await served.get("/api/v1/health", Origin="https://ops.example", Authorization=bearer)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "https://ops.example")
    for origin in ("https://evil.example", "null", "https://ops.example.evil"):
        refused = await served.request("OPTIONS", "/rpc", Origin=origin)
        assert (refused.status, "access-control-allow-origin" in refused.headers) == (403, False)


async def test_a_socket_needs_a_token_too_and_roles_hold_on_it(guarded: Guarded) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{guarded.served.url}/ws")
        assert caught.value.status == 401
        headers = {"Authorization": guarded.bearer["read"]}
        async with session.ws_connect(f"{guarded.served.url}/ws", headers=headers) as ws, asyncio.timeout(20):
            await ws.send_json(call("engine.optimize", OPTIMIZE))
            assert json.loads((await ws.receive()).data)["error"]["code"] == -32019
            await ws.send_json(call("plugins.list"))
            assert json.loads((await ws.receive()).data)["result"]["count"] == 1


async def test_a_change_over_rest_is_in_the_record_too(guarded: Guarded) -> None:
    served = guarded.served
    assert (
        await served.request("POST", "/api/v1/plugins/forest/disable", Authorization=guarded.bearer["read"])
    ).status == 403
    assert (
        await served.request(
            "POST", "/api/v1/plugins/forest/disable", Authorization=guarded.bearer["operate"]
        )
    ).status == 200
    reply = await served.post("/rpc", call("host.audit"), Authorization=guarded.bearer["admin"])
    (change,) = reply.json()["result"]["changes"]
    assert (change["what"], change["target"], change["outcome"], change["address"]) == (
        "plugins.disable",
        "forest",
        "done",
        "127.0.0.1",
    )
    assert change["before"]["config"]["enabled"] is True

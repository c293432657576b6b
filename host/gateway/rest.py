"""The seed's REST routes, word for word where they were public."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from host import __version__
from host.errors import NotFoundError
from host.gateway.api import HostApi, PluginView, Selection
from host.gateway.config import GatewayConfig
from host.gateway.envelope import JsonError, read_json
from host.gateway.failure import Failure, failure_from
from host.gateway.guards import Handler, meet_expectation, read_json_body
from host.gateway.methods import changed, plugin_list
from host.gateway.params import SelectParams, TrainingParams, read_query
from host.gateway.problem import PROBLEM_JSON, json_response, problem_from, problem_members, status_of
from host.gateway.traffic import Traffic
from plugin_sdk.contract.errors import ErrorCode, ErrorData
from plugin_sdk.contract.problems.request import parse_request

METADATA = ("name", "version", "description", "author", "supportedTypes")


class Rest:
    """The handlers, over one `HostApi`."""

    def __init__(self, api: HostApi, traffic: Traffic, config: GatewayConfig) -> None:
        self._api = api
        self._traffic = traffic
        self._config = config
        self._began = time.monotonic()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds every route; those under `workload-data` before the one that takes any name."""
        plugins = "/api/v1/plugins"

        def get(path: str, handler: Handler) -> None:
            router.add_get(path, handler, expect_handler=meet_expectation)

        def post(path: str, handler: Handler) -> None:
            router.add_post(path, handler, expect_handler=meet_expectation)

        get("/", self.root)
        get("/livez", self.livez)
        get("/readyz", self.readyz)
        post("/api/v1/optimize", self.optimize)
        get("/api/v1/health", self.health)
        get("/api/v1/metrics", self.metrics)
        get("/api/v1/cache/stats", self.cache_stats)
        get(plugins, self.list_plugins)
        get(f"{plugins}/workload-data/stats", self.workload_stats)
        get(f"{plugins}/workload-data/export", self.workload_export)
        get(f"{plugins}/workload-data/training-format", self.workload_training)
        get(f"{plugins}/{{name}}", self.show_plugin)
        post(f"{plugins}/{{name}}/enable", self.enable)
        post(f"{plugins}/{{name}}/disable", self.disable)

    async def root(self, request: web.Request) -> web.Response:
        endpoints = sorted(
            f"{route.method} {route.resource.canonical}"
            for route in request.app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        )
        return json_response({"name": "engine-ops", "version": __version__, "endpoints": endpoints})

    async def livez(self, request: web.Request) -> web.Response:
        return json_response({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        ready, reasons = self._api.ready()
        status = "ready" if ready else "not ready"
        return json_response({"status": status, "reasons": list(reasons)}, status=200 if ready else 503)

    async def health(self, request: web.Request) -> web.Response:
        return json_response(self._api.health())

    async def metrics(self, request: web.Request) -> web.Response:
        return json_response(
            {
                "uptimeMs": (time.monotonic() - self._began) * 1000.0,
                "requests": self._traffic.to_dict(),
                "plugins": [_counts(view) for view in self._api.plugins()],
                "workload": await self._api.workload_stats(Selection()),
            }
        )

    async def cache_stats(self, request: web.Request) -> web.Response:
        # Clients of the seed ask for it; answers are not cached here, and these figures say so.
        return json_response({"enabled": False, "hits": 0, "misses": 0, "size": 0, "hitRate": 0.0})

    async def optimize(self, request: web.Request) -> web.Response:
        body = await read_json_body(request, self._config)
        value: object = None
        began = time.monotonic()
        try:
            value = read_json(body, self._config.limits)
            answer = await self._traffic.optimize(self._api, parse_request(value))
        except JsonError as error:
            failure = Failure(ErrorCode.PARSE_ERROR, str(error), ErrorData(kind=ErrorCode.PARSE_ERROR.kind))
        except Exception as error:
            failure = failure_from(error, during="POST /api/v1/optimize")
        else:
            if answer.success:
                return json_response(answer)
            members = {**problem_members(400, answer.error or "no answer"), **msgspec.to_builtins(answer)}
            return json_response(members, status=400, content_type=PROBLEM_JSON)
        given_id = value.get("id") if isinstance(value, dict) else None
        return problem_from(
            failure,
            # The seed's clients know 200 and 400 here; only a fault of the host itself is a 500.
            status=500 if status_of(failure.code) == 500 else 400,
            requestId=given_id if isinstance(given_id, str) else "",
            success=False,
            metrics={"durationMs": round((time.monotonic() - began) * 1000.0), "score": 0.0},
        )

    async def list_plugins(self, request: web.Request) -> web.Response:
        return json_response(plugin_list(self._api))

    async def show_plugin(self, request: web.Request) -> web.Response:
        try:
            view = as_mapping(self._api.plugin(request.match_info["name"]))
        except NotFoundError as error:
            return _not_found(request, error)
        return json_response(
            {
                "metadata": {name: view.get(name) for name in METADATA},
                "config": view.get("config"),
                "status": {
                    name: value for name, value in view.items() if name not in METADATA and name != "config"
                },
            }
        )

    async def enable(self, request: web.Request) -> web.Response:
        return await self._change(request, self._api.enable, "enabled")

    async def disable(self, request: web.Request) -> web.Response:
        return await self._change(request, self._api.disable, "disabled")

    async def _change(self, request: web.Request, change: Any, what: str) -> web.Response:
        if request.can_read_body:
            await read_json_body(request, self._config)  # nothing in it matters, but only JSON comes in
        name = request.match_info["name"]
        try:
            await change(name)
        except NotFoundError as error:
            return _not_found(request, error)
        return json_response(changed(name, what))

    async def workload_stats(self, request: web.Request) -> web.Response:
        return json_response(await self._api.workload_stats(_selection(request)))

    async def workload_export(self, request: web.Request) -> web.StreamResponse:
        chunks = self._api.workload_export(_selection(request))
        first: list[bytes] = await anext(chunks, [])
        second = await anext(chunks, None)
        if second is None:  # the usual, and a body of known length is what simple clients like
            return web.Response(body=_exported(first), content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"data":[' + b",".join(first + second))
        count = len(first) + len(second)
        async for lines in chunks:
            await response.write(b"," + b",".join(lines))
            count += len(lines)
        await response.write(b'],"count":%d}' % count)
        await response.write_eof()
        return response

    async def workload_training(self, request: web.Request) -> web.Response:
        params = read_query(TrainingParams, list(request.query.items()))
        return json_response(await self._api.training_format(params.selection(), params.wish()))


def _exported(lines: list[bytes]) -> bytes:
    return b'{"data":[%s],"count":%d}' % (b",".join(lines), len(lines))


def _selection(request: web.Request) -> Selection:
    return read_query(SelectParams, list(request.query.items())).selection()


def _not_found(request: web.Request, error: NotFoundError) -> web.Response:
    failure = failure_from(error, during="plugin by name")
    return problem_from(failure, name=request.match_info["name"])


def as_mapping(view: PluginView) -> Mapping[str, Any]:
    """A plugin's view as its JSON object."""
    built: Mapping[str, Any] = msgspec.to_builtins(view)
    return built


def _counts(view: PluginView) -> dict[str, Any]:
    whole = as_mapping(view)
    names = ("name", "state", "calls", "failures", "p50Ms", "p99Ms", "memoryBytes", "restarts")
    return {name: whole[name] for name in names if name in whole}

"""The REST routes' handlers: the seed's, word for word where they were public, and ours."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from host import __version__
from host.errors import NotFoundError
from host.gateway.access.roles import ROLES
from host.gateway.api import PluginView, Selection
from host.gateway.door import entered
from host.gateway.envelope import JsonError, read_json
from host.gateway.failure import Failure, failure_from
from host.gateway.front import Front
from host.gateway.guards import Handler, meet_expectation, read_json_body
from host.gateway.methods.engine import answered
from host.gateway.methods.plugins import plugin_list
from host.gateway.methods.workload import exported
from host.gateway.openapi import openapi_document
from host.gateway.page.assets import ASSETS, PAGE_POLICY, asset
from host.gateway.params import EventsQuery, SelectParams, TrainingParams, read_query
from host.gateway.problem import (
    PROBLEM_JSON,
    json_response,
    not_optimized,
    problem_from,
    problem_members,
    refused,
)
from host.gateway.routes import ROUTES, Route
from host.gateway.streams.sse import serve_events
from host.gateway.streams.websocket import serve_socket
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.errors import ErrorCode, ErrorData
from plugin_sdk.contract.problems.request import parse_request

METADATA = ("name", "version", "description", "author", "supportedTypes")
COUNTED = ("name", "state", "calls", "failures", "p50Ms", "p99Ms", "memoryBytes", "restarts")


class Rest:
    """The handlers, over what the front door shares."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._api = front.api
        self._began = time.monotonic()
        self._openapi = msgspec.json.encode(openapi_document())

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds every route of the table, with a handler behind the door that asks for its role."""
        for route in ROUTES:
            handler = self._front.door.guarded(_for_role(route, getattr(self, route.operation)))
            # A stream has no end to which HEAD could be answered.
            verbs = [route.verb]
            if route.verb == "GET" and route.operation not in ("events", "websocket"):
                verbs.append("HEAD")
            place = router.add_resource(route.path, name=route.operation)
            for verb in verbs:
                place.add_route(verb, handler, expect_handler=meet_expectation)

    async def rpc(self, request: web.Request) -> web.Response:
        body = await read_json_body(request, self._front.config)
        response = await self._front.dispatcher.answer(
            body,
            self._front.context(request),
            charge=lambda calls: self._front.door.charge(request, calls),
        )
        if response is None:
            return web.Response(status=204)
        return web.Response(body=response, content_type="application/json")

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refused(request.path, 426, "this is a WebSocket; ask for an upgrade to one")
        return await serve_socket(
            request,
            self._front.dispatcher,
            self._front.hub,
            self._front.context(request),
            max_bytes=self._front.config.max_body_bytes,
            charge=lambda calls: self._front.door.charge(request, calls),
            open_sockets=self._front.sockets,
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        asked = read_query(EventsQuery, list(request.query.items()))
        resume_from = asked.resume_from
        if (last := request.headers.get("Last-Event-ID")) is not None:
            if not (last.isascii() and last.isdigit() and len(last) < 20):
                raise ProblemError("Last-Event-ID", last, "the id of the last event that was seen, a number")
            resume_from = int(last)
        return await serve_events(
            request,
            self._front.hub,
            [topic.strip() for topic in asked.topics.split(",")],
            resume_from=resume_from,
            policy=asked.policy,
            limit=asked.queue,
        )

    async def root(self, request: web.Request) -> web.Response:
        endpoints = sorted(f"{route.verb} {route.path}" for route in ROUTES)
        return json_response({"name": "engine-ops", "version": __version__, "endpoints": endpoints})

    async def livez(self, request: web.Request) -> web.Response:
        return json_response({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        ready, reasons = self._api.ready()
        status = "ready" if ready else "not ready"
        return json_response({"status": status, "reasons": list(reasons)}, status=200 if ready else 503)

    async def prometheus(self, request: web.Request) -> web.Response:
        body = generate_latest(self._front.figures.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def openapi(self, request: web.Request) -> web.Response:
        return web.Response(body=self._openapi, content_type="application/json")

    async def docs(self, request: web.Request) -> web.Response:
        return _page("index.html")

    async def docs_asset(self, request: web.Request) -> web.Response:
        name = request.match_info["asset"]
        if name not in ASSETS:
            raise web.HTTPNotFound
        return _page(name)

    async def health(self, request: web.Request) -> web.Response:
        return json_response(self._api.health())

    async def metrics(self, request: web.Request) -> web.Response:
        traffic, cache = self._front.traffic, self._api.cache_statistics()
        counts = traffic.to_dict()
        return json_response(
            {
                "totalRequests": counts["total"],
                "averageDurationMs": counts["avgDurationMs"],
                "cacheHitRate": cache["hitRate"],
                "requestsByType": traffic.by_type,
                "p50DurationMs": traffic.quantile_ms(0.50),
                "p95DurationMs": traffic.quantile_ms(0.95),
                "p99DurationMs": traffic.quantile_ms(0.99),
                "uptimeMs": (time.monotonic() - self._began) * 1000.0,
                "requests": counts,
                "plugins": [_counts(view) for view in self._api.plugins()],
                "workload": await self._api.workload_stats(Selection()),
            }
        )

    async def cache_stats(self, request: web.Request) -> web.Response:
        return json_response(self._api.cache_statistics())

    async def optimize(self, request: web.Request) -> web.Response:
        body = await read_json_body(request, self._front.config)
        value: object = None
        began = time.monotonic()
        try:
            value = read_json(body, self._front.config.limits)
            answer = await answered(self._front.traffic, self._front.context(request), parse_request(value))
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
        request_id = given_id if isinstance(given_id, str) else ""
        return not_optimized(failure, request_id, time.monotonic() - began)

    async def list_plugins(self, request: web.Request) -> web.Response:
        return json_response(plugin_list(self._api))

    async def show_plugin(self, request: web.Request) -> web.Response:
        try:
            view = as_mapping(self._api.plugin(request.match_info["name"]))
        except NotFoundError as error:
            return _not_found(request, error)
        rest = {name: value for name, value in view.items() if name not in METADATA and name != "config"}
        metadata = {name: view.get(name) for name in METADATA}
        return json_response({"metadata": metadata, "config": view.get("config"), "status": rest})

    async def enable(self, request: web.Request) -> web.Response:
        return await self._change(request, "plugins.enable")

    async def disable(self, request: web.Request) -> web.Response:
        return await self._change(request, "plugins.disable")

    async def _change(self, request: web.Request, method: str) -> web.Response:
        if request.can_read_body:
            await read_json_body(request, self._front.config)  # nothing in it matters, but only JSON comes in
        name = request.match_info["name"]
        try:
            return json_response(
                await self._front.methods[method](self._front.context(request), {"name": name})
            )
        except NotFoundError as error:
            return _not_found(request, error)

    async def workload_stats(self, request: web.Request) -> web.Response:
        return await self._workload(request, "workload.stats")

    async def workload_export(self, request: web.Request) -> web.StreamResponse:
        asked = read_query(SelectParams, list(request.query.items()))
        chunks = self._api.workload_export(asked.selection())
        first: list[bytes] = await anext(chunks, [])
        second = await anext(chunks, None)
        if second is None:  # the usual, and a body of known length is what simple clients like
            return web.Response(body=exported(first), content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if request.method == "HEAD":
            return response  # who asks for the head alone must not be sent the body
        try:
            await response.prepare(request)
            await response.write(b'{"data":[' + b",".join(first + second))
            count = len(first) + len(second)
            async for lines in chunks:
                await response.write(b"," + b",".join(lines))
                count += len(lines)
            await response.write(b'],"count":%d}' % count)
            await response.write_eof()
        except ConnectionError:
            pass  # the reader has gone
        return response

    async def workload_training(self, request: web.Request) -> web.Response:
        return await self._workload(request, "workload.training", TrainingParams)

    async def _workload(
        self, request: web.Request, method: str, kind: type[SelectParams] = SelectParams
    ) -> web.Response:
        asked = read_query(kind, list(request.query.items()))
        return json_response(await self._front.methods[method].run(self._front.context(request), asked))


def _for_role(route: Route, handler: Handler) -> Handler:
    role = route.role
    if role is None or role == ROLES[0]:  # nobody is let in with less
        return handler

    async def handle(request: web.Request) -> web.StreamResponse:
        entered(request).caller.demand(role, f"{route.verb} {route.path}")
        return await handler(request)

    return handle


def _page(name: str) -> web.Response:
    content_type, body = asset(name)
    headers = {
        "Content-Type": content_type,
        "Content-Security-Policy": PAGE_POLICY,
        "Cache-Control": "no-cache",
    }
    return web.Response(body=body, headers=headers)


def _not_found(request: web.Request, error: NotFoundError) -> web.Response:
    failure = failure_from(error, during="plugin by name")
    return problem_from(failure, name=request.match_info["name"])


def as_mapping(view: PluginView) -> dict[str, Any]:
    """A plugin's view as its JSON object."""
    built: dict[str, Any] = msgspec.to_builtins(view)
    return built


def _counts(view: PluginView) -> dict[str, Any]:
    whole = as_mapping(view)
    return {name: whole[name] for name in COUNTED if name in whole}

"""The REST routes as data: what they take and answer, who may ask. Handlers and the OpenAPI document follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from host.gateway import results
from host.gateway.access.roles import Role
from host.gateway.params import EventsQuery, SelectParams, TrainingParams
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest

PLUGINS = "/api/v1/plugins"


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        operation: The handler's name, and the operation's id.
        role: Who may ask; `None` for anyone, without a token.
        answer: Type of the body; a text is another content type than JSON.
        statuses: Beside 200: those that a well-formed request may get, with what they mean.
    """

    verb: str
    path: str
    operation: str
    summary: str
    role: Role | None
    answer: Any
    query: type[Any] | None = None
    body: Any = None
    statuses: tuple[tuple[int, str], ...] = ()


NO_SUCH = ((404, "no plugin has this name"),)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/", "root", "Name, version and endpoints.", "read", results.Root),
    Route("GET", "/livez", "livez", "Whether the process answers.", None, results.Alive),
    Route(
        "GET",
        "/readyz",
        "readyz",
        "Whether requests can be answered now, and if not, why not.",
        None,
        results.Ready,
        statuses=((503, "not now"),),
    ),
    Route("GET", "/metrics", "prometheus", "Figures for Prometheus.", "read", "text/plain"),
    Route("GET", "/openapi.json", "openapi", "This document.", "read", dict[str, Any]),
    Route("GET", "/docs", "docs", "A page to read this document on and to try calls.", None, "text/html"),
    Route("GET", "/docs/{asset}", "docs_asset", "A part of that page.", None, "text/css"),
    Route(
        "GET",
        "/events",
        "events",
        "Events as they happen (server-sent events); `Last-Event-ID` resumes.",
        "read",
        "text/event-stream",
        query=EventsQuery,
    ),
    Route("GET", "/ws", "websocket", "JSON-RPC 2.0 over WebSocket, with subscriptions.", "read", "websocket"),
    Route(
        "POST", "/rpc", "rpc", "JSON-RPC 2.0; `rpc.discover` describes its methods.", "read", Any, body=Any
    ),
    Route(
        "POST",
        "/api/v1/optimize",
        "optimize",
        "Answers one request.",
        "operate",
        Answer,
        body=OptimizeRequest,
        statuses=((400, "no answer, or a request that cannot be used"),),
    ),
    Route("GET", "/api/v1/health", "health", "How this host stands.", "read", results.Health),
    Route("GET", "/api/v1/metrics", "metrics", "Counts since the start.", "read", results.Metrics),
    Route(
        "GET",
        "/api/v1/cache/stats",
        "cache_stats",
        "Statistics of the cache of answers.",
        "read",
        results.CacheStats,
    ),
    Route("GET", PLUGINS, "list_plugins", "Every plugin.", "read", results.PluginList),
    Route(
        "GET",
        f"{PLUGINS}/workload-data/stats",
        "workload_stats",
        "Statistics of the history.",
        "read",
        results.Stats,
        query=SelectParams,
    ),
    Route(
        "GET",
        f"{PLUGINS}/workload-data/export",
        "workload_export",
        "Points of the history.",
        "read",
        results.Exported,
        query=SelectParams,
    ),
    Route(
        "GET",
        f"{PLUGINS}/workload-data/training-format",
        "workload_training",
        "Rows for a model.",
        "read",
        results.TrainingFormat,
        query=TrainingParams,
    ),
    Route(
        "GET",
        f"{PLUGINS}/{{name}}",
        "show_plugin",
        "One plugin.",
        "read",
        results.PluginDocument,
        statuses=NO_SUCH,
    ),
    Route(
        "POST",
        f"{PLUGINS}/{{name}}/enable",
        "enable",
        "Starts a plugin and lets it be asked.",
        "operate",
        results.Changed,
        statuses=NO_SUCH,
    ),
    Route(
        "POST",
        f"{PLUGINS}/{{name}}/disable",
        "disable",
        "Stops a plugin.",
        "operate",
        results.Changed,
        statuses=NO_SUCH,
    ),
)
"""In the order in which they are matched: those under `workload-data` before the one that takes any name."""

"""The REST routes as an OpenAPI 3.1 document, made from the table of routes and the structs behind it.

Source: OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from host import __version__
from host.gateway import results
from host.gateway.routes import ROUTES, Route
from host.gateway.schemas import components_of, members_of


def openapi_document() -> dict[str, Any]:
    """The document."""
    kinds: list[Any] = [results.Problem]
    for route in ROUTES:
        kinds += [
            kind
            for kind in (route.answer, route.body, route.query)
            if kind is not None and not isinstance(kind, str)
        ]
    schemas, components = components_of(kinds)
    by_kind = {repr(kind): schemas[at] for at, kind in enumerate(kinds)}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.verb.lower()] = _operation(route, by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "engine-ops",
            "version": __version__,
            "summary": "Scheduling and resource allocation, decided by plugins that cannot do harm.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, by_kind: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": by_kind[repr(results.Problem)]}}
    good: dict[str, Any] = {"description": route.summary}
    if route.answer == "websocket":
        responses: dict[str, Any] = {"101": {"description": "the connection is a WebSocket now"}}
    else:
        if isinstance(route.answer, str):
            good["content"] = {route.answer: {"schema": {"type": "string"}}}
        else:
            good["content"] = {"application/json": {"schema": by_kind[repr(route.answer)]}}
        responses = {"200": good}
    if route.operation == "rpc":
        responses["204"] = {"description": "a body of notifications alone"}
    for status, meaning in route.statuses:
        content = good["content"] if status == 503 else problem
        responses[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}: {meaning}",
            "content": content,
        }
    refusal = {"application/json": {"schema": {}}, **problem}
    responses["default"] = {"description": "What went wrong.", "content": refusal}
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "responses": responses,
    }
    if route.role is None:
        operation["security"] = [{}]
    else:
        operation["x-role"] = route.role
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        parameters += [
            {"name": name, "in": "query", "required": required, "schema": schema}
            for name, schema, required in members_of(route.query, components)
            if name != "_meta"
        ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        body = by_kind[repr(route.body)]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation

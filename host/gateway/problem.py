"""Responses: JSON, and errors as problem details (RFC 9457) on REST or error objects on `/rpc`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from host.gateway.envelope import encode, failure_bytes
from host.gateway.failure import Failure
from plugin_sdk.contract.errors import ErrorCode

PROBLEM_JSON = "application/problem+json"

_STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.PARSE_ERROR: 400,
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.INVALID_PARAMS: 400,
    ErrorCode.NO_ANSWER: 400,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUSY: 429,
    ErrorCode.INTERNAL_ERROR: 500,
}


def status_of(code: ErrorCode) -> int:
    """The HTTP status of a failure; 503 where the caller did nothing wrong and may try again."""
    return _STATUS.get(code, 503)


def json_response(
    value: object, *, status: int = 200, content_type: str = "application/json"
) -> web.Response:
    """*value*, encoded strictly."""
    return web.Response(body=encode(value), status=status, content_type=content_type)


def problem_members(status: int, detail: str) -> dict[str, Any]:
    """The members every problem has. `about:blank` says that the status and our `kind` tell its type."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def problem(status: int, detail: str, **more: Any) -> web.Response:
    """A problem; *more* are its extension members. `error` repeats the detail, as the seed's clients read it."""
    body = {**problem_members(status, detail), "error": detail, **more}
    return json_response(body, status=status, content_type=PROBLEM_JSON)


def problem_from(failure: Failure, *, status: int | None = None, **more: Any) -> web.Response:
    """A failure as a problem, with the same `code`, `kind`, `path`, `value` and `hint` as on JSON-RPC."""
    at = status_of(failure.code) if status is None else status
    data: dict[str, Any] = msgspec.to_builtins(failure.data)
    response = problem(at, failure.message, **{"code": int(failure.code), **data, **more})
    if failure.data.retry_after_ms is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(failure.data.retry_after_ms / 1000.0)))
    return response


def not_optimized(failure: Failure, request_id: str, took_s: float) -> web.Response:
    """An optimize request that failed, with the members of an answer that the seed's clients look for."""
    status = status_of(failure.code)
    return problem_from(
        failure,
        # They know 200 and 400; what the caller may try again, and our own faults, are said.
        status=status if status in (429, 500, 503) else 400,
        requestId=request_id,
        success=False,
        metrics={"durationMs": round(took_s * 1000.0), "score": 0.0},
    )


def refused(
    path: str,
    status: int,
    detail: str,
    code: ErrorCode = ErrorCode.INVALID_REQUEST,
    data: Mapping[str, object] | None = None,
) -> web.Response:
    """A refusal of HTTP's own (401, 415, 413, ...), in the form that *path* answers in."""
    if path == "/rpc":
        _, _, remedy = detail.rpartition("; ")
        told = {"kind": code.kind, "status": status, "hint": remedy, **(data or {})}
        body = failure_bytes(None, code, detail, told)
        return web.Response(body=body, status=status, content_type="application/json")
    if code is ErrorCode.INVALID_REQUEST:
        return problem(status, detail)
    return problem(status, detail, code=int(code), kind=code.kind, **(data or {}))

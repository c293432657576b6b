"""`engine.*`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import msgspec

from host.gateway import results
from host.gateway.context import CallContext, CallMeta, DeadlineError, checked_deadline
from host.gateway.failure import entry_from
from host.gateway.methods.spec import MethodSpec, method
from host.gateway.params import OptimizeManyParams
from host.gateway.traffic import A_TURN, Traffic
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.decode import MissingError, ProblemError
from plugin_sdk.contract.problems.request import OptimizeRequest, parse_request

GRACE_S = 0.2  # the engine answers by the deadline; one that did not is given up after this


def optimizing(traffic: Traffic) -> tuple[MethodSpec, ...]:
    """`engine.optimize` and `engine.optimizeMany`; *traffic* counts the requests."""

    def optimize(context: CallContext, params: Any) -> Awaitable[object]:
        if isinstance(params, list):
            raise ProblemError("params", params, "the request by name: an object with id, type and data")
        return answered(traffic, context, parse_request(params))

    @method("engine.optimizeMany", "operate", OptimizeManyParams, results.ManyAnswers, own_deadline=True)
    async def optimize_many(context: CallContext, params: OptimizeManyParams) -> object:
        """Answers many requests together, each or its error."""
        began = time.monotonic()
        given = checked_deadline(params.deadline_ms, "deadlineMs")
        entries: list[object] = []
        good: list[OptimizeRequest] = []
        places: list[int] = []
        for at, value in enumerate(params.requests):
            if at % A_TURN == 0:
                await asyncio.sleep(0)
            try:
                request = _narrowed(parse_request(value), context, given)
            except ProblemError as error:
                path = f"requests[{at}].{error.path}".rstrip(".")
                missing = isinstance(error, MissingError)
                inner = (
                    MissingError(path, error.expected)
                    if missing
                    else ProblemError(path, error.value, error.expected)
                )
                entries.append(entry_from(inner, during="engine.optimizeMany"))
            else:
                entries.append(None)
                good.append(request)
                places.append(at)
        outcomes = await traffic.optimize_many(context.api, good, time.monotonic() - began)
        for at, outcome in zip(places, outcomes, strict=True):
            if at % A_TURN == 0:
                await asyncio.sleep(0)
            if isinstance(outcome, Exception):
                entries[at] = entry_from(outcome, during="engine.optimizeMany")
            else:
                entries[at] = outcome
        return results.ManyAnswers(entries)

    summary = (
        "Answers one request: the best checked answer of the plugins and the built-ins, by its deadline."
    )
    one = MethodSpec("engine.optimize", summary, "operate", OptimizeRequest, Answer, optimize, True)
    return one, optimize_many


async def answered(traffic: Traffic, context: CallContext, request: OptimizeRequest) -> Answer:
    """The answer to *request* within its own deadline and the caller's.

    Raises:
        DeadlineError: The engine is later than it promises to be.
    """
    meta = request.meta
    if meta is not None:
        context = context.with_meta(CallMeta(meta.deadline_ms, meta.traceparent))
    request = _narrowed(request, context, None)
    if request.deadline_ms is None:
        return await traffic.optimize(context.api, request)
    try:
        async with asyncio.timeout(request.deadline_ms / 1000.0 + GRACE_S):
            return await traffic.optimize(context.api, request)
    except TimeoutError:
        raise DeadlineError(request.deadline_ms) from None


def _narrowed(request: OptimizeRequest, context: CallContext, fallback_ms: float | None) -> OptimizeRequest:
    own = request.deadline_ms if request.deadline_ms is not None else fallback_ms
    callers = context.deadline_ms
    both = own if callers is None else callers if own is None else min(own, callers)
    if both is None or (both == request.deadline_ms and not context.waited_ms):
        return request
    # It counts from the arrival; one who waited too long for his turn was not let in.
    return msgspec.structs.replace(request, deadline_ms=max(both - context.waited_ms, 1.0))

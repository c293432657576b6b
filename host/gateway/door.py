"""Every request passes here, in this order: where it says it goes, who sends it, how often; then its handler.

Nothing of the body is read before all of that is known to be good.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import msgspec
from aiohttp import web

from host.errors import RequestError
from host.gateway.access.rate import RateLimiter, Verdict
from host.gateway.access.roles import LOCAL, Caller
from host.gateway.access.tokens import TokenStore
from host.gateway.config import GatewayConfig
from host.gateway.context import checked_deadline
from host.gateway.failure import failure_from
from host.gateway.guards import Handler, RefusedError, check_site
from host.gateway.metrics.figures import Figures
from host.gateway.problem import problem_from, refused
from host.gateway.routes import ROUTES
from host.gateway.waiting import WaitingRoom
from host.telemetry import trace
from host.telemetry.trace import Trace
from host.telemetry.tracing import Tracer
from plugin_sdk.contract.errors import ErrorCode

log = logging.getLogger(__name__)

DEADLINE_HEADER = "Deadline-Ms"
WRONG_TOKENS_PER_S = 2.0  # by one address, with a token that does not hold
WRONG_TOKENS_BURST = 20
_PATH_SHOWN = 100  # characters of an unknown path that are said back
# Whoever watches the host is not kept waiting by its callers.
_AT_ONCE = frozenset({"livez", "readyz", "health", "prometheus"})
_NO_STEP = nullcontext()
_OPEN = frozenset(route.operation for route in ROUTES if route.role is None)


class Entered(msgspec.Struct, frozen=True):
    """What is known of a request that was let in."""

    caller: Caller
    trace: Trace
    deadline_ms: float | None
    limited: str | None
    verdict: Verdict | None
    waited_s: float

    def at(self, step: Trace | None) -> Entered:
        """The same, at another step of the trace, if there is one."""
        return self if step is None else msgspec.structs.replace(self, trace=step)


_ENTERED: web.RequestKey[Entered] = web.RequestKey("entered", Entered)


def entered(request: web.Request) -> Entered:
    """What is known of *request*, in its handler."""
    return request[_ENTERED]


class Door:
    """Around every handler, and around what has none.

    Attributes:
        draining: The host is stopping: a connection ends with the answer it is waiting for.
        idle: Set while no request is being answered.

    Args:
        tokens: Asked for where they exist, and wherever *tokens_required* says so.
        bound: The address that is listened on.
    """

    def __init__(
        self,
        config: GatewayConfig,
        figures: Figures,
        waiting: WaitingRoom,
        tokens: TokenStore | None = None,
        *,
        tokens_required: bool = False,
        bound: str = "127.0.0.1",
        tracer: Tracer | None = None,
    ) -> None:
        self.config = config
        self._figures = figures
        self._tokens = tokens
        self._required = tokens_required
        self._bound = bound
        self._tracer = tracer or Tracer()
        self.draining = False
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self._waiting = waiting
        self._wrong = RateLimiter(WRONG_TOKENS_PER_S, WRONG_TOKENS_BURST)
        self._limiter: RateLimiter | None = None
        self.take(config)

    def take(self, config: GatewayConfig) -> None:
        """Goes by *config* from now on."""
        self.config = config
        self._limiter = RateLimiter(config.rate_per_s, config.burst) if config.rate_per_s > 0 else None

    def charge(self, request: web.Request, calls: int) -> None:
        """Counts further calls of a request that was let in as one."""
        limited = entered(request).limited
        if self._limiter is not None and limited is not None:
            self._limiter.charge(limited, time.monotonic(), calls)

    def guarded(self, handler: Handler) -> Handler:
        """*handler*, behind this door."""

        async def answered(request: web.Request) -> web.StreamResponse:
            began = time.monotonic()
            route = request.match_info.route
            self.in_flight += 1
            self.idle.clear()
            try:
                reached, waited_s = handler, 0.0
                if route.name not in _AT_ONCE and not self._waiting.passes():
                    reached, waited_s = await self._waiting.wait(request, handler, _patience(request))
                response = await self._answered(request, reached, waited_s)
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self.idle.set()
            if self.draining and not response.prepared:
                response.force_close()
            pattern = pattern_of(route)
            self._figures.answered(pattern, response.status)
            if self.config.access_log:
                known = request.get(_ENTERED)
                log.info(
                    "http.request",
                    extra={
                        "method": request.method,
                        "route": pattern,
                        "status": response.status,
                        "ms": round((time.monotonic() - began) * 1000.0, 3),
                        "caller": known.caller.name if known is not None else None,
                        "trace": known.trace.trace_id if known is not None else None,
                    },
                )
            return response

        return answered

    def around(self, application: Handler) -> Handler:
        """*application*, whose handlers are guarded, with what it has no handler for behind this door too.

        Not as a middleware: aiohttp works out at every request which of those apply.
        """

        async def handled(request: web.Request) -> web.StreamResponse:
            try:
                return await application(request)
            except web.HTTPException as error:
                unmet = error  # no such path, or not with this method

            async def refuse(request: web.Request) -> web.StreamResponse:
                raise unmet

            return await self.guarded(refuse)(request)

        return handled

    async def _answered(self, request: web.Request, handler: Handler, waited_s: float) -> web.StreamResponse:
        known: Entered | None = None
        try:
            check_site(request, self.config, self._bound)
            if request.method == "OPTIONS" and "Origin" in request.headers:
                return _preflight()
            known = self._enter(request, waited_s)
            with self._step(request, known) as step:
                request[_ENTERED] = known = known.at(step)
                token = trace.current.set(known.trace)
                try:
                    response = await handler(request)
                finally:
                    trace.current.reset(token)
        except RefusedError as refusal:
            response = refused(request.path, refusal.status, str(refusal), refusal.code, refusal.data)
            response.headers.update(refusal.headers)
            if refusal.unread:
                response.force_close()  # what is left of the body is not waited for
        except web.HTTPException as error:
            response = refused(request.path, error.status, _detail(request, error))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception as error:
            response = problem_from(failure_from(error, during=_what(request)))
        if known is not None and not response.prepared:
            response.headers["traceparent"] = known.trace.traceparent
            if known.verdict is not None:
                response.headers.update(known.verdict.headers())
        return response

    def _step(self, request: web.Request, known: Entered) -> AbstractContextManager[Trace | None]:
        if not self._tracer.is_on:
            return _NO_STEP
        return self._tracer.span(_what(request), known.trace)

    def _enter(self, request: web.Request, waited_s: float) -> Entered:
        caller = LOCAL
        limited = verdict = None
        if self._required or (self._tokens is not None and self._tokens.exists()):
            now = time.monotonic()
            caller = self._caller(request, now)
            limited = caller.name if caller.name != "anonymous" else caller.address
            if self._limiter is not None and not _is_open(request):
                verdict = self._limiter.ask(limited, now)
                if not verdict.allowed:
                    self._figures.rate_limited.inc()
                    raise _too_often(verdict)
        try:
            deadline_ms = _deadline(request)
        except RequestError as error:
            raise RefusedError(400, str(error)) from error
        step = trace.begin(request.headers.get("traceparent"))
        return Entered(caller, step, deadline_ms, limited, verdict, waited_s)

    def _caller(self, request: web.Request, now: float) -> Caller:
        """Who sends a request to a host that asks for tokens."""
        address = _address(request.remote)
        if _is_open(request):
            return Caller("anonymous", "read", address)
        text = _bearer(request)
        token = self._tokens.find(text, time.time() * 1000.0) if self._tokens is not None and text else None
        if token is None:
            self._figures.unauthorized.inc()
            verdict = self._wrong.ask(address, now)
            if not verdict.allowed:
                self._figures.rate_limited.inc()
                raise _too_often(verdict)
            raise RefusedError(
                401,
                "this host asks for a token; send one that holds as Authorization: Bearer TOKEN",
                ErrorCode.UNAUTHORIZED,
                headers={"WWW-Authenticate": 'Bearer realm="engine-ops"'},
                unread=True,
            )
        return Caller(f"{token.name} ({token.id})", token.role, address)


def _too_often(verdict: Verdict) -> RefusedError:
    wait_ms = verdict.retry_after_s * 1000.0
    return RefusedError(
        429,
        f"too many calls; try again in {wait_ms:.0f} ms",
        ErrorCode.RATE_LIMITED,
        data={
            "retryable": True,
            "retryAfterMs": round(wait_ms, 1),
            "hint": "wait as long as Retry-After says",
        },
        headers=verdict.headers(),
        unread=True,
    )


def _bearer(request: web.Request) -> bytes | None:
    """The token, as bytes: a header need not be text."""
    given = request.headers.getall("Authorization", [])
    if len(given) != 1:
        return None
    kind, _, text = given[0].partition(" ")
    return text.strip().encode("utf-8", "surrogateescape") if kind.lower() == "bearer" else None


def _deadline(request: web.Request) -> float | None:
    given = request.headers.get(DEADLINE_HEADER)
    if given is None:
        return None
    try:
        if not given.isascii():  # Python reads the digits of any script
            raise ValueError(given)
        return checked_deadline(float(given), DEADLINE_HEADER)
    except ValueError as error:  # a `ProblemError` too
        raise RequestError(
            f"the header {DEADLINE_HEADER} is no time; give milliseconds above 0 and up to a day"
        ) from error


def _patience(request: web.Request) -> float | None:
    """The deadline; `None` also for what is none, which is said when the request is read."""
    try:
        return _deadline(request)
    except RequestError:
        return None


@lru_cache(maxsize=4096)
def _address(peer: str | None) -> str:
    """Of the peer, or of its network where one machine has many: an IPv6 caller owns a whole /64."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return "unknown"
    if address.version == 6 and not address.is_loopback:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def _is_open(request: web.Request) -> bool:
    return request.match_info.route.name in _OPEN


def pattern_of(route: web.AbstractRoute) -> str:
    """Its pattern, whose values are bounded; not the path, whose are not."""
    return route.resource.canonical if route.resource is not None else "(no route)"


def _what(request: web.Request) -> str:
    return f"{request.method} {pattern_of(request.match_info.route)}"


def _preflight() -> web.Response:
    """The answer to a browser that asks whether a page of a listed site may call; the site itself is checked."""
    allowed = "Authorization, Content-Type, Deadline-Ms, Idempotency-Key, traceparent"
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": allowed,
            "Access-Control-Max-Age": "600",
        },
    )


def _detail(request: web.Request, error: web.HTTPException) -> str:
    if error.status == 404:
        return f"there is nothing at {request.path[:_PATH_SHOWN]!a}; GET / lists what there is"
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"{request.path[:_PATH_SHOWN]!a} does not take {error.method}; use {allowed}"
    return error.reason

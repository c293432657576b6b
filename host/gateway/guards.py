"""Who may come in, and with what: checks before a handler runs, and the shape of everything that goes wrong."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from host.gateway.config import GatewayConfig
from host.gateway.failure import failure_from
from host.gateway.problem import problem_from, refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/\s]+)(?::\d{1,5})?")
_JSON_TYPE = re.compile(r"application/(json|[\w.!#$&^-]+\+json)")
_PATH_SHOWN = 100  # characters of an unknown path that are said back


class RefusedError(Exception):
    """The request is refused by HTTP's own rules; the text says why and what to send instead."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@web.middleware
async def errors_answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever is raised into one clear error; no exception's own text and no header comes back in it."""
    try:
        check_origin(request)
        return await handler(request)
    except RefusedError as refusal:
        return refused(request.path, refusal.status, str(refusal))
    except web.HTTPException as error:
        response = refused(request.path, error.status, _detail(request, error))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception as error:
        return problem_from(failure_from(error, during=f"{request.method} {_route(request)}"))


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no route)"


def _detail(request: web.Request, error: web.HTTPException) -> str:
    if error.status == 404:
        return f"there is nothing at {request.path[:_PATH_SHOWN]!a}; GET / lists what there is"
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"{request.path[:_PATH_SHOWN]!a} does not take {error.method}; use {allowed}"
    return error.reason


def check_origin(request: web.Request) -> None:
    """Only those who asked for this machine by a name that cannot be anyone else's, and no page of another site.

    A page in a browser could otherwise reach a host on the loopback by a name of its own that it lets
    point here (DNS rebinding), or post to it directly.

    Raises:
        RefusedError: 400 or 403.
    """
    if not request.raw_path.isascii():
        raise RefusedError(400, "the path has bytes that are not ASCII; percent-encode them")
    hosts = request.headers.getall("Host", [])
    if len(hosts) != 1:
        raise RefusedError(400, f"the request has {len(hosts)} Host headers; send one")
    if not is_this_machine(hosts[0]):
        raise RefusedError(
            403, "the Host header does not name this machine; use localhost, 127.0.0.1 or [::1] with any port"
        )
    origins = request.headers.getall("Origin", [])
    if any(origin.lower() != f"{request.scheme}://{hosts[0]}".lower() for origin in origins):
        raise RefusedError(403, "the Origin header names another site; only pages of this host may call it")


def is_this_machine(host: str) -> bool:
    """Whether a Host header's value is `localhost` or a loopback address, with any port or none."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found.group(1)
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


async def meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Tells a client that waits for it to send its body; aiohttp's own repeats a header it does not know."""
    expected = request.headers.get("Expect", "")
    if expected.lower() != "100-continue":
        response = refused(request.path, 417, "the Expect header asks for something unknown; leave it out")
        response.force_close()
        return response
    if request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # aiohttp takes it for "a response has begun" otherwise
    return None


async def read_json_body(request: web.Request, config: GatewayConfig) -> bytes:
    """The whole body of a request that must be JSON.

    Raises:
        RefusedError: 415 when it is said to be something else, 413 when it is too large, 408 when it does
            not arrive in time, 400 when its framing is broken.
    """
    if not _JSON_TYPE.fullmatch(request.content_type) or "Content-Type" not in request.headers:
        raise RefusedError(415, "the body must be JSON; send it with Content-Type: application/json")
    charset = request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise RefusedError(415, "the body must be UTF-8; send it with charset=utf-8, or with no charset")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(415, "the body must not be compressed; send it without Content-Encoding")
    most = config.limits.max_bytes
    too_large = RefusedError(413, f"the body is larger than {most} bytes; send less at once")
    if request.content_length is not None and request.content_length > most:
        raise too_large
    try:
        async with asyncio.timeout(config.body_timeout_s):
            return await request.read()
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {config.body_timeout_s:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except web.RequestPayloadError:
        raise RefusedError(400, "the body is cut off or badly framed") from None


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every response: what browsers and caches must not do with it."""
    response.headers.update(SECURITY_HEADERS)


SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Server": "engine-ops",  # instead of the versions of Python and aiohttp
}

"""Who may come in, and with what: checks before a handler runs, and the shape of everything that goes wrong."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache

from aiohttp import web
from multidict import CIMultiDict

from host.gateway.config import GatewayConfig
from host.gateway.problem import refused
from plugin_sdk.contract.errors import ErrorCode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/\s]+)(?::\d{1,5})?")
_JSON_TYPE = re.compile(r"application/(json|[\w.!#$&^-]+\+json)")


class RefusedError(Exception):
    """The request is refused by HTTP's own rules; the text says why and what to send instead.

    Attributes:
        code: In the body of the answer.
        unread: The body has not been read, and is not going to be: the connection ends with the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: ErrorCode = ErrorCode.INVALID_REQUEST,
        *,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        unread: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.data = data or {}
        self.headers = headers or {}
        self.unread = unread


def check_site(request: web.Request, config: GatewayConfig, bound: str) -> None:
    """Only those who asked for this host by a name of its own, and no page of a site that is not listed.

    A page in a browser could otherwise reach a host on the loopback by a name of its own that it lets
    point here (DNS rebinding), post to it directly, or open a WebSocket.

    Raises:
        RefusedError: 400 or 403.
    """
    if not request.raw_path.isascii():
        raise RefusedError(400, "the path has bytes that are not ASCII; percent-encode them")
    hosts = request.headers.getall("Host", [])
    if len(hosts) != 1:
        raise RefusedError(400, f"the request has {len(hosts)} Host headers; send one")
    if not (is_this_machine(hosts[0]) or _is_listed(hosts[0], config, bound)):
        raise RefusedError(
            403,
            "the Host header does not name this machine; use localhost, 127.0.0.1 or [::1] with any port, "
            "or add the name to allowed_hosts",
            unread=True,
        )
    for origin in request.headers.getall("Origin", []):
        here = origin.lower() in (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower())
        if not here and origin not in config.allowed_origins:
            raise RefusedError(
                403,
                "the Origin header names another site; only pages of this host and of allowed_origins may call it",
                unread=True,
            )


def _is_listed(host: str, config: GatewayConfig, bound: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found.group(1).lower()
    return name in {each.lower() for each in config.allowed_hosts} or name.strip("[]") == bound


@lru_cache(maxsize=256)
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
    """Refuses an expectation that is not known; the one that is, is met when the body is about to be read.

    aiohttp's own sends `100 Continue` before anybody has asked who is calling, and repeats a header it does not know.
    """
    if request.headers.get("Expect", "").lower() != "100-continue":
        response = refused(request.path, 417, "the Expect header asks for something unknown; leave it out")
        response.force_close()
        return response
    return None


async def _go_on(request: web.Request) -> None:
    """Tells a client that waits for it to send its body."""
    if request.headers.get("Expect") and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # aiohttp takes it for "a response has begun" otherwise


async def read_json_body(request: web.Request, config: GatewayConfig) -> bytes:
    """The whole body of a request that must be JSON; to be asked for once.

    Raises:
        RefusedError: 415 when it is said to be something else, 413 when it is too large, 408 when it does
            not arrive in time, 400 when its framing is broken.
    """
    if request.headers.get("Content-Type") != "application/json":  # as nearly all say it
        _check_type(request)
    if "Content-Encoding" in request.headers and request.headers["Content-Encoding"].lower() != "identity":
        raise RefusedError(415, "the body must not be compressed; send it without Content-Encoding")
    most = config.max_body_bytes
    content = request.content
    try:
        if content.is_eof():  # it came with its headers, as most do: nothing to wait for
            # At its end it has been read before, or is empty.
            body = await request.read() if content.at_eof() else content.read_nowait()
            if len(body) > most:
                raise _too_large(most)
            return body
        if request.content_length is not None and request.content_length > most:
            raise _too_large(most)
        async with asyncio.timeout(config.body_timeout_s):
            await _go_on(request)
            return await request.read()
    except TimeoutError:
        raise RefusedError(
            408, f"the body did not arrive within {config.body_timeout_s:g} s", unread=True
        ) from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(most) from None
    except web.RequestPayloadError:
        raise RefusedError(400, "the body is cut off or badly framed") from None


def _check_type(request: web.Request) -> None:
    if not _JSON_TYPE.fullmatch(request.content_type) or "Content-Type" not in request.headers:
        raise RefusedError(415, "the body must be JSON; send it with Content-Type: application/json")
    charset = request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise RefusedError(415, "the body must be UTF-8; send it with charset=utf-8, or with no charset")


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {most} bytes; send less at once", unread=True)


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every response: what browsers and caches must not do with it."""
    headers = response.headers
    headers.merge(SECURITY_HEADERS)  # those that it does not have yet
    headers["Server"] = SERVER  # aiohttp has set its own by now
    if request.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    origin = request.headers.get("Origin")
    if origin is not None and response.status != 403:  # it is one of those listed, or our own
        headers["Access-Control-Allow-Origin"] = origin
        headers["Vary"] = "Origin"


SERVER = "engine-ops"  # instead of the versions of Python and aiohttp
SECURITY_HEADERS: CIMultiDict[str] = CIMultiDict(
    {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": SERVER,
    }
)

"""The HTTP application, and the socket it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import resource
import socket
import ssl
from typing import Any, cast

from aiohttp import web

from host.errors import ConfigError, EngineOpsError
from host.gateway.api import HostApi
from host.gateway.config import GatewayConfig
from host.gateway.front import Access, Front
from host.gateway.guards import SECURITY_HEADERS, add_security_headers
from host.gateway.listener import BACKLOG, listener
from host.gateway.problem import problem
from host.gateway.rest import Rest
from plugin_sdk.contract.errors import ErrorCode

log = logging.getLogger(__name__)

STALLED_MS = 60_000  # that a peer may take nothing of what was sent; the kernel ends the connection then
LINGER_S = 1.0  # for reading what is left of a refused body, or its sender would miss the answer
LAST_S = 1.0  # for what is still under way after the drain
FRONT: web.AppKey[Front] = web.AppKey("front", Front)


class ListenError(EngineOpsError):
    """The address cannot be listened on now, though the configuration is sound: somebody else has it."""

    code = ErrorCode.UNAVAILABLE


def make_app(
    api: HostApi, config: GatewayConfig | None = None, access: Access | None = None
) -> web.Application:
    """The application over *api*: `/rpc`, `/ws`, `/events` and the REST routes."""
    config = config or GatewayConfig()
    front = Front(api, config, access or Access())
    app = web.Application(client_max_size=config.max_body_bytes, logger=log)
    app[FRONT] = front
    app.on_response_prepare.append(add_security_headers)
    app.cleanup_ctx.append(front.running)
    app.on_shutdown.append(front.shut)
    Rest(front).add_routes(app.router)
    return app


async def listen(
    app: web.Application,
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    bound: socket.socket | None = None,
) -> tuple[web.AppRunner, str]:
    """Starts to answer on *host* and *port*; 0 takes a free one.

    Args:
        bound: A socket that is bound there already.

    Returns:
        The runner, whose `cleanup()` stops it after the answers under way, and the URL that reaches it.

    Raises:
        ConfigError: *host* is not an address.
        ListenError: The port is taken, or may not be taken by this user.
    """
    address = bind_address(host)
    if not 0 <= port <= 65535:
        raise ConfigError(f"port is {port}; give 0 (any free one) to 65535")
    front = app[FRONT]
    config = front.config
    runner = _Runner(
        app,
        front,
        access_log=None,  # it would more than double the cost of a request
        handler_cancellation=True,
        keepalive_timeout=config.idle_timeout_s,
        lingering_time=LINGER_S,
        shutdown_timeout=LAST_S,
        auto_decompress=False,
        logger=log,
    )
    await runner.setup()
    try:
        listening = bound or listener(address, port)
        await web.SockSite(runner, listening, ssl_context=tls, backlog=BACKLOG).start()
    except OSError as error:
        await runner.cleanup()
        raise _cannot_listen(address, port, error) from error
    taken = runner.addresses[0][1]
    shown = f"[{address}]" if ":" in address else address
    return runner, f"http{'s' if tls is not None else ''}://{shown}:{taken}"


async def drain(app: web.Application, runner: web.AppRunner) -> None:
    """Listens no more, ends what listens for events, and lets the requests under way come to their end, bounded.

    aiohttp's own way out stops reading at once, so that a request whose body is still coming would never be answered.
    """
    front = app[FRONT]
    front.door.draining = True
    for site in list(runner.sites):
        await site.stop()
    await front.shut(app)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(front.config.shutdown_timeout_s):
            await front.door.idle.wait()
    await runner.cleanup()


def bind_address(host: str) -> str:
    """The address to bind for *host*.

    Raises:
        ConfigError: It is not `localhost` or an address.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigError(
            f"bind is {host!r}; give an address such as 127.0.0.1 or 0.0.0.0, or localhost"
        ) from None
    return host


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*, as `bind_address` takes it."""
    return ipaddress.ip_address(bind_address(host)).is_loopback


def _cannot_listen(address: str, port: int, error: OSError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"port {port} on {address} is in use; stop what listens there, or choose another with --port "
            "(--port 0 takes any free one)"
        )
    if error.errno == errno.EACCES:
        return ListenError(f"port {port} on {address} may not be used by this user; choose one from 1024 up")
    reason = error.strerror or type(error).__name__
    return ListenError(
        f"cannot listen on {address} port {port}: {reason}; choose another with --bind or --port"
    )


class _Connection(web.RequestHandler):
    """aiohttp's connection, with an answer of ours to what is not HTTP: its own page sends headers back."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("a response has already begun")
        if status >= 500:
            log.error("gateway.connection_failed", exc_info=exc)
        detail = "internal error" if status >= 500 else "the request is not well-formed HTTP/1.1"
        response = problem(status, detail)
        response.headers.update(SECURITY_HEADERS)
        response.force_close()
        return response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family != socket.AF_UNIX:
            # Who does not read what he asked for is let go, and what waits for him with him.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        server = cast("_Server", self._manager)
        server.front.figures.connections.set(len(server.connections))
        if len(server.connections) > server.most:
            server.front.figures.connections_refused.inc()
            cast("asyncio.Transport", transport).abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        server = cast("_Server", self._manager)
        super().connection_lost(exc)
        server.front.figures.connections.set(len(server.connections))


class _Server(web.Server):
    def __init__(self, front: Front, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.front = front
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The other half is for plugins and files.
        self.most = min(front.config.connections, descriptors // 2)

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Makes connections of our kind, all behind the door; aiohttp has no public place to say which."""

    __slots__ = ("_front",)

    def __init__(self, app: web.Application, front: Front, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._front = front

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            self._front,
            self._front.door.around(made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )

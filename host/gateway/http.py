"""The HTTP application, and the socket it listens on."""

from __future__ import annotations

import errno
import ipaddress
import logging

from aiohttp import web

from host.errors import ConfigError, EngineOpsError
from host.gateway.api import HostApi
from host.gateway.config import GatewayConfig
from host.gateway.dispatch import Dispatcher
from host.gateway.guards import (
    SECURITY_HEADERS,
    add_security_headers,
    errors_answered,
    meet_expectation,
    read_json_body,
)
from host.gateway.methods import method_table
from host.gateway.problem import problem
from host.gateway.rest import Rest
from host.gateway.traffic import Traffic
from plugin_sdk.contract.errors import ErrorCode

log = logging.getLogger(__name__)

CONFIG: web.AppKey[GatewayConfig] = web.AppKey("config", GatewayConfig)


class ListenError(EngineOpsError):
    """The address cannot be listened on now, though the configuration is sound: somebody else has it."""

    code = ErrorCode.UNAVAILABLE


def make_app(api: HostApi, config: GatewayConfig | None = None) -> web.Application:
    """The application over *api*: `/rpc` and the REST routes."""
    config = config or GatewayConfig()
    app = web.Application(
        middlewares=[errors_answered],
        client_max_size=config.limits.max_bytes,
        logger=log,
    )
    app[CONFIG] = config
    app.on_response_prepare.append(add_security_headers)
    traffic = Traffic()
    dispatcher = Dispatcher(
        method_table(traffic), api, limits=config.limits, concurrency=config.batch_concurrency
    )

    async def rpc(request: web.Request) -> web.Response:
        response = await dispatcher.answer(await read_json_body(request, config))
        if response is None:
            return web.Response(status=204)
        return web.Response(body=response, content_type="application/json")

    app.router.add_post("/rpc", rpc, expect_handler=meet_expectation)
    Rest(api, traffic, config).add_routes(app.router)
    return app


async def listen(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Starts to answer on *host* and *port*; 0 takes a free one.

    Returns:
        The runner, whose `cleanup()` stops it after the answers under way, and the URL that reaches it.

    Raises:
        ConfigError: *host* is not an address of the loopback.
        ListenError: The port is taken, or may not be taken by this user.
    """
    address = loopback_address(host)
    if not 0 <= port <= 65535:
        raise ConfigError(f"port is {port}; give 0 (any free one) to 65535")
    config = app[CONFIG]
    runner = _Runner(
        app,
        access_log=None,  # it would more than double the cost of a request
        handler_cancellation=True,
        keepalive_timeout=config.idle_timeout_s,
        shutdown_timeout=config.shutdown_timeout_s,
        auto_decompress=False,
        logger=log,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, backlog=1024).start()
    except OSError as error:
        await runner.cleanup()
        raise _cannot_listen(address, port, error) from error
    taken = runner.addresses[0][1]
    shown = f"[{address}]" if ":" in address else address
    return runner, f"http://{shown}:{taken}"


def loopback_address(host: str) -> str:
    """The address to bind for *host*.

    Raises:
        ConfigError: It is not `localhost` or a loopback address.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise ConfigError(
        f"bind is {host!r}; give 127.0.0.1, ::1 or localhost: other addresses need access tokens, "
        "which this version does not have yet"
    )


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


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Makes connections of our kind; aiohttp has no public place to say which."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )

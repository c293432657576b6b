"""The front door put together: methods, routes, streams, figures and the door, over one `HostApi`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web
from prometheus_client import ProcessCollector

from host.gateway.access.audit import AuditLog
from host.gateway.access.tokens import TokenStore
from host.gateway.api import HostApi
from host.gateway.config import GatewayConfig
from host.gateway.context import CallContext
from host.gateway.dispatch import Dispatcher
from host.gateway.door import Door, entered
from host.gateway.methods.table import method_table
from host.gateway.metrics.figures import Figures
from host.gateway.metrics.plugins import HostCollector
from host.gateway.streams.hub import Hub
from host.gateway.streams.sources import Sources
from host.gateway.traffic import Traffic
from host.gateway.waiting import WaitingRoom
from host.registry.events import PluginEvent
from host.tasks import Background
from host.telemetry.stall import StallWatch
from host.telemetry.tracing import Tracer


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        required: Tokens are asked for even where none have been made yet.
        bound: The address that is listened on, for Host headers.
    """

    tokens: TokenStore | None = None
    audit: AuditLog | None = None
    required: bool = False
    bound: str = "127.0.0.1"
    tracer: Tracer = field(default_factory=Tracer)


class Front:
    """What the handlers share."""

    def __init__(self, api: HostApi, config: GatewayConfig, access: Access) -> None:
        self.api = api
        self.config = config
        self.traffic = Traffic()
        self.figures = Figures()
        self.hub = Hub()
        self.stall = StallWatch(self.figures.stall.observe)
        self.audit = access.audit or AuditLog(None)
        self.methods = method_table(self.traffic)
        self.dispatcher = Dispatcher(
            self.methods,
            limits=config.limits,
            concurrency=config.batch_concurrency,
            observe=self.figures.called,
        )
        self.door = Door(
            config,
            self.figures,
            WaitingRoom(api, self.figures.called),
            access.tokens,
            tokens_required=access.required,
            bound=access.bound,
            tracer=access.tracer,
        )
        self.sockets: set[web.WebSocketResponse] = set()
        self.sources = Sources(api, self.hub, self.traffic, self.stall)
        self.traffic.listeners += [self.figures.decided, self.sources.decided]
        ProcessCollector(registry=self.figures.registry)
        self.figures.registry.register(HostCollector(api, self.hub, self.stall.take_worst_s))

    def take(self, config: GatewayConfig) -> None:
        """Goes by *config* from now on, in what can change while serving."""
        self.config = config
        self.dispatcher.limits = config.limits
        self.door.take(config)

    def context(self, request: web.Request) -> CallContext:
        """What travels with the calls of one request."""
        known = entered(request)
        return CallContext(
            api=self.api,
            caller=known.caller,
            deadline_ms=known.deadline_ms,
            trace=known.trace,
            idempotency_key=request.headers.get("Idempotency-Key"),
            audit=self.audit,
            publish=self.hub.publish,
            waited_ms=known.waited_s * 1000.0,
        )

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """What goes on beside the requests, from the start of the application to its end."""
        background = Background()
        background.start(self.stall.run(), name="gateway:stall")
        background.start(self.sources.run(), name="gateway:sources")
        ended = [self.api.subscribe(self.sources.plugin_event), self.api.subscribe(self._death)]
        try:
            yield
        finally:
            for each in ended:
                each()
            await background.aclose()

    async def shut(self, app: web.Application) -> None:
        """Tells those who listen for events that there will be no more."""
        self.hub.close("the host is stopping")
        closing = [
            ws.close(code=WSCloseCode.GOING_AWAY, message=b"the host is stopping") for ws in self.sockets
        ]
        await asyncio.gather(*closing, return_exceptions=True)

    def _death(self, event: PluginEvent) -> None:
        if event.topic == "plugin:error":
            cause = self.figures.causes(str(event.detail.get("cause", "unknown")))
            self.figures.deaths.labels(self.figures.names(event.plugin), cause).inc()

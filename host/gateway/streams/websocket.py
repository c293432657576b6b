"""`GET /ws`: JSON-RPC 2.0 both ways. A message is a body as on `/rpc`; events come as notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from aiohttp import WSCloseCode, WSMsgType, web

from host.gateway import results
from host.gateway.context import CallContext, Policy
from host.gateway.dispatch import Dispatcher
from host.gateway.envelope import encode
from host.gateway.streams.hub import Hub
from host.gateway.streams.subscription import Subscription
from host.tasks import Background

HEARTBEAT_S = 20.0  # a peer that does not answer a ping within half of it is gone
IN_FLIGHT = 32  # calls of one connection; then it is not read any further
SUBSCRIPTIONS = 16  # of one connection


class Socket:
    """One connection: its calls in flight, and its subscriptions."""

    def __init__(self, ws: web.WebSocketResponse, hub: Hub) -> None:
        self._ws = ws
        self._hub = hub
        self._subscriptions: dict[str, Subscription] = {}
        self._wakened = asyncio.Event()

    def subscribe(
        self, topics: list[str], resume_from: int | None, policy: Policy, limit: int
    ) -> results.Subscribed:
        """Adds a subscription; its events follow the answer to this call."""
        subscription, missed = self._hub.subscribe(
            topics, resume_from=resume_from, policy=policy, limit=limit, wakened=self._wakened
        )
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            self.unsubscribe(next(iter(self._subscriptions)))
        self._subscriptions[subscription.name] = subscription
        self._wakened.set()
        return results.Subscribed(subscription.name, sorted(set(topics)), self._hub.seq, missed)

    def unsubscribe(self, name: str | None) -> int:
        """Ends one, or all; how many there were."""
        gone = [name] if name is not None else list(self._subscriptions)
        ended = 0
        for each in gone:
            subscription = self._subscriptions.pop(each, None)
            if subscription is not None:
                self._hub.unsubscribe(subscription)
                ended += 1
        return ended

    async def send_events(self) -> None:
        """Sends what the subscriptions hold, as fast as the peer reads and no faster."""
        while True:
            await self._wakened.wait()
            self._wakened.clear()
            # The answer to `events.subscribe` is written before the first event: it is on its way by now.
            await asyncio.sleep(0)
            for subscription in list(self._subscriptions.values()):
                while (taken := subscription.take()) is not None:
                    event, dropped = taken
                    members = event.members(dropped)
                    await self._ws.send_str(_notification("event", subscription.name, members))
                if subscription.closed is not None and subscription.name in self._subscriptions:
                    del self._subscriptions[subscription.name]
                    self._hub.unsubscribe(subscription)
                    why = b'"reason":%b,"dropped":%d' % (encode(subscription.closed), subscription.dropped)
                    await self._ws.send_str(_notification("eventsEnded", subscription.name, why))


def _notification(method: str, subscription: str, members: bytes) -> str:
    text = b'{"jsonrpc":"2.0","method":"%b","params":{"subscription":"%b",%b}}'
    return (text % (method.encode(), subscription.encode(), members)).decode()


async def serve_socket(
    request: web.Request,
    dispatcher: Dispatcher,
    hub: Hub,
    context: CallContext,
    *,
    max_bytes: int,
    charge: Callable[[int], None],
    open_sockets: set[web.WebSocketResponse],
) -> web.WebSocketResponse:
    """Answers one connection until it ends.

    Args:
        charge: Counts calls against the caller's rate, which his next connection or request pays for.
        open_sockets: Holds this one while it is open.
    """
    ws = web.WebSocketResponse(
        heartbeat=HEARTBEAT_S, max_msg_size=max_bytes, compress=False, protocols=("jsonrpc",)
    )
    await ws.prepare(request)
    open_sockets.add(ws)
    socket = Socket(ws, hub)
    context = replace(context, socket=socket)
    places = asyncio.Semaphore(IN_FLIGHT)
    background = Background()
    background.start(socket.send_events(), name="ws:events")

    async def answer(body: bytes) -> None:
        try:
            response = await dispatcher.answer(body, context, charge=charge)
            if response is not None and not ws.closed:
                await ws.send_str(response.decode())
        except ConnectionError:
            pass  # the peer went away meanwhile; reading from it ends the connection
        finally:
            places.release()

    try:
        async for message in ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            body = message.data.encode() if message.type == WSMsgType.TEXT else message.data
            charge(1)
            await places.acquire()
            background.start(answer(body), name="ws:call")
    finally:
        open_sockets.discard(ws)
        socket.unsubscribe(None)
        await background.aclose()
        if not ws.closed:
            await ws.close(code=WSCloseCode.GOING_AWAY)
    return ws

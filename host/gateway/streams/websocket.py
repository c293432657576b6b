"""`GET /ws`: JSON-RPC 2.0 both ways. A message is a body as on `/rpc`; events come as notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
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
        self._unbegun: set[str] = set()
        self._wakened = asyncio.Event()

    def subscribe(
        self, topics: list[str], resume_from: int | None, policy: Policy, limit: int
    ) -> results.Subscribed:
        """Adds a subscription, whose events wait until `begin`."""
        subscription, missed = self._hub.subscribe(
            topics, resume_from=resume_from, policy=policy, limit=limit, wakened=self._wakened
        )
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            self.unsubscribe(next(iter(self._subscriptions)))
        self._subscriptions[subscription.name] = subscription
        self._unbegun.add(subscription.name)
        return results.Subscribed(subscription.name, sorted(set(topics)), self._hub.seq, missed)

    def begin(self, names: list[str]) -> None:
        """Sends what those subscriptions hold: whoever made them has their names by now."""
        self._unbegun.difference_update(names)
        self._wakened.set()

    def unsubscribe(self, name: str | None) -> int:
        """Ends one, or all; how many there were."""
        gone = [name] if name is not None else list(self._subscriptions)
        ended = 0
        for each in gone:
            self._unbegun.discard(each)
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
            for subscription in list(self._subscriptions.values()):
                if subscription.name in self._unbegun:
                    continue
                while (taken := subscription.take()) is not None:
                    event, dropped = taken
                    members = event.members(dropped)
                    await self._ws.send_str(_notification("event", subscription.name, members))
                if subscription.closed is not None and subscription.name in self._subscriptions:
                    del self._subscriptions[subscription.name]
                    self._hub.unsubscribe(subscription)
                    why = b'"reason":%b,"dropped":%d' % (encode(subscription.closed), subscription.dropped)
                    await self._ws.send_str(_notification("eventsEnded", subscription.name, why))


class Turn:
    """One message on a connection: the subscriptions it makes begin when it has been answered."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._made: list[str] = []

    def subscribe(
        self, topics: list[str], resume_from: int | None, policy: Policy, limit: int
    ) -> results.Subscribed:
        made = self._socket.subscribe(topics, resume_from, policy, limit)
        self._made.append(made.subscription)
        return made

    def unsubscribe(self, name: str | None) -> int:
        return self._socket.unsubscribe(name)

    def answered(self) -> None:
        """The answer has been written, or there is none to write."""
        if self._made:
            self._socket.begin(self._made)


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
    places = asyncio.Semaphore(IN_FLIGHT)
    background = Background()
    background.start(socket.send_events(), name="ws:events")

    async def answer(body: bytes) -> None:
        turn = Turn(socket)
        try:
            response = await dispatcher.answer(
                body, msgspec.structs.replace(context, socket=turn), charge=charge
            )
            if response is not None and not ws.closed:
                await ws.send_str(response.decode())
            turn.answered()
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

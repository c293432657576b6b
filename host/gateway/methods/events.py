"""`events.*`: over the WebSocket alone."""

from __future__ import annotations

from host.gateway import results
from host.gateway.context import CallContext
from host.gateway.methods.spec import method
from host.gateway.params import SubscribeParams, UnsubscribeParams


@method("events.subscribe", "read", SubscribeParams, results.Subscribed, socket=True)
async def subscribe(context: CallContext, params: SubscribeParams) -> object:
    """Sends events of some topics over this connection from now on, or from an event seen before."""
    assert context.socket is not None
    return context.socket.subscribe(params.topics, params.resume_from, params.policy, params.queue)


@method("events.unsubscribe", "read", UnsubscribeParams, results.Unsubscribed, socket=True)
async def unsubscribe(context: CallContext, params: UnsubscribeParams) -> object:
    """Ends one subscription of this connection, or all."""
    assert context.socket is not None
    return results.Unsubscribed(context.socket.unsubscribe(params.subscription))


METHODS = (subscribe, unsubscribe)

"""`GET /events`: the same events as server-sent events.

Source: HTML Living Standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from host.gateway.context import Policy
from host.gateway.streams.hub import Hub

ALIVE_S = 15.0  # between two comments, so that proxies and dead peers are noticed
RETRY_MS = 1000  # after which a browser comes back


async def serve_events(
    request: web.Request,
    hub: Hub,
    topics: list[str],
    *,
    resume_from: int | None,
    policy: Policy,
    limit: int,
) -> web.StreamResponse:
    """Sends events until the reader goes away, the host stops, or the policy ends it."""
    subscription, missed = hub.subscribe(topics, resume_from=resume_from, policy=policy, limit=limit)
    response = web.StreamResponse()
    response.content_type = "text/event-stream"
    response.charset = "utf-8"
    response.headers["X-Accel-Buffering"] = "no"
    try:
        await response.prepare(request)
        await response.write(b"retry: %d\n: missed %d\n\n" % (RETRY_MS, missed))
        if missed:  # a comment does not reach the script of a page
            await response.write(b'event: missed\ndata: {"missed":%d}\n\n' % missed)
        while True:
            while (taken := subscription.take()) is not None:
                event, dropped = taken
                await response.write(
                    b"id: %d\nevent: %b\ndata: {%b}\n\n"
                    % (event.seq, event.topic.encode(), event.members(dropped))
                )
            if subscription.closed is not None:
                await response.write(b'event: ended\ndata: {"dropped":%d}\n\n' % subscription.dropped)
                return response
            subscription.wakened.clear()
            try:
                async with asyncio.timeout(ALIVE_S):
                    await subscription.wakened.wait()
            except TimeoutError:
                await response.write(b": alive\n\n")
    except ConnectionError:
        return response  # the reader has gone
    finally:
        hub.unsubscribe(subscription)

"""Where requests wait when more come than can be begun, and how those are sent away that cannot be served in time.

A request to the engine is told from others at a glance. What is sent away was neither read nor checked: that is what
makes it cheap, and leaves the time for those who are answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import msgspec
from aiohttp import web

from host.gateway.api import HostApi
from host.gateway.envelope import failure_bytes
from host.gateway.failure import failure_from
from host.gateway.guards import Handler
from host.gateway.peek import OPTIMIZE, Glance, glance
from host.gateway.problem import not_optimized
from host.gateway.turnstile import Lane, Turnstile, Wait

PATIENCE_S = 0.2  # for a place; a refusal is to come while the caller can still go elsewhere
LONGEST_S = 0.4  # for a turn while there are places
WAIT_SHARE = 0.5  # of its time that a request waits here at most
FOREVER_S = float("inf")

Observe = Callable[[str, str, float], None]


class WaitingRoom:
    """Of the door.

    Args:
        observe: Told of each call that is sent away, as a dispatcher tells of those it answers.
    """

    def __init__(self, api: HostApi, observe: Observe) -> None:
        self._api = api
        self._observe = observe
        self._turnstile = Turnstile(has_room=self._has_room)

    def passes(self) -> bool:
        """Whether a request may begin at once, as unless many come together."""
        return self._turnstile.passes()

    async def wait(
        self, request: web.Request, handler: Handler, deadline_ms: float | None
    ) -> tuple[Handler, float]:
        """Waits until *request* may begin.

        Args:
            deadline_ms: As its headers have it.

        Returns:
            What is to answer it: *handler*, or a refusal; and the seconds of its own time that it has waited.
        """
        began = time.monotonic()
        seen = await _seen(request)
        if seen is None:
            await self._turnstile.wait(Wait("first", FOREVER_S, FOREVER_S))
            return handler, 0.0
        large = self._api.is_large(seen.entries)
        lane: Lane = "large" if large else "small"
        whole_s = min(seen.deadline_s, FOREVER_S if deadline_ms is None else deadline_ms / 1000.0)
        most_s = WAIT_SHARE * whole_s
        has_turn = await self._turnstile.wait(Wait(lane, min(PATIENCE_S, most_s), min(LONGEST_S, most_s)))
        waited_s = time.monotonic() - began
        if not has_turn:
            handler = partial(self._send_away, seen=seen, large=large, waited_s=waited_s)
        return handler, waited_s

    async def _send_away(
        self, request: web.Request, *, seen: Glance, large: bool, waited_s: float
    ) -> web.Response:
        waiting = self._turnstile.waiting("large" if large else "small")
        failure = failure_from(self._api.turned_away(large=large, waiting=waiting), during=OPTIMIZE)
        if not is_call(request):
            return not_optimized(failure, seen.request_id, waited_s)
        self._observe(OPTIMIZE, failure.code.kind, waited_s)
        if seen.id is msgspec.UNSET:
            return web.Response(status=204)
        body = failure_bytes(seen.id, failure.code, failure.message, failure.data)
        return web.Response(body=body, content_type="application/json")

    def _has_room(self, lane: Lane) -> bool:
        return self._api.has_room(large=lane == "large")


def is_call(request: web.Request) -> bool:
    """Whether it is a JSON-RPC call, not the bare request of REST."""
    return request.match_info.route.name == "rpc"


async def _seen(request: web.Request) -> Glance | None:
    """What can be seen of a request without waiting for its body; `None` where it asks the engine for nothing."""
    content = request.content
    if request.match_info.route.name not in ("rpc", "optimize") or not content.is_eof():
        return None
    if content.total_bytes > request.client_max_size:  # its handler says so
        return None
    return glance(await request.read(), is_call=is_call(request))

"""Calls that carry a key are carried out once: a repeat gets the first one's answer."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from host.errors import RequestError

KEPT_S = 24 * 3600.0
MOST = 100_000  # keys; the oldest make room
KEY_LIMIT = 1024  # characters


@dataclass(slots=True)
class _Known:
    digest: bytes
    at: float
    outcome: asyncio.Future[int]


class Repeats:
    """The keys of the last day, and what came of each. A call that failed is forgotten: it may be tried again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def once(
        self, key: str, what: object, work: Callable[[], Coroutine[Any, Any, int]]
    ) -> tuple[int, bool]:
        """What *work* comes to, and whether that was known already.

        Raises:
            RequestError: The key was used for something else.
        """
        if len(key) > KEY_LIMIT:
            raise RequestError(f"the idempotency key has {len(key)} characters; give at most {KEY_LIMIT}")
        digest = hashlib.sha256(msgspec.json.encode(what)).digest()
        now = self._now()
        while self._known and (len(self._known) > MOST or next(iter(self._known.values())).at < now - KEPT_S):
            self._known.popitem(last=False)
        known = self._known.get(key)
        if known is not None:
            if known.digest != digest:
                raise RequestError(
                    "the idempotency key was used for another call before",
                    path="_meta.idempotencyKey",
                    hint="give each call a key of its own, and repeat a call unchanged",
                )
            return await asyncio.shield(known.outcome), True
        # A task of its own: whoever repeats the call is not to lose it when the first caller goes away.
        task = asyncio.ensure_future(work())
        self._known[key] = _Known(digest, now, task)
        task.add_done_callback(lambda done: self._forget_failure(key, done))
        return await asyncio.shield(task), False

    def _forget_failure(self, key: str, done: asyncio.Future[int]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._known.pop(key, None)

"""Answers kept for a while, so that the same question is not worked on twice. Pure: time comes in as `now`.

An answer is kept with the *state of the plugins* it was made in (who could be asked, which process and model of
each, how it is set). In another state it does not count: it is dropped when it is looked up.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import msgspec

from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems import OptimizeRequest


class CacheStatistics(msgspec.Struct, rename="camel", frozen=True):
    """How the cache of answers does.

    Fields:
        joined: Requests that waited for an equal one in flight instead of being worked on.
        dropped: Answers that no longer counted because a plugin, its settings or its model had changed.
        evicted, expired: Answers that made room; that grew too old.
        hit_rate: Share of the look-ups that found an answer, in [0, 1].
    """

    enabled: bool
    size: int
    max_size: int
    ttl_ms: float
    hits: int
    misses: int
    joined: int
    dropped: int
    evictions: int
    expired: int
    hit_rate: float


@dataclass(frozen=True)
class _Kept:
    answer: Answer
    state: Hashable
    until: float


def key_of(request: OptimizeRequest) -> bytes:
    """What two requests for the same thing have in common: all but the id and the deadline.

    Raises:
        ValueError, OverflowError, RecursionError: It holds something that JSON cannot say again.
    """
    said = (request.type, request.data, request.constraints, request.strategy, request.built_ins)
    # Sorted, because two callers may name the members of an object in different orders.
    return hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).digest()


class AnswerCache:
    """The newest answers, the least recently used of them making room.

    Args:
        entries: How many are kept; 0 for none.
        ttl_s: How long each is good for.
    """

    def __init__(self, entries: int, ttl_s: float) -> None:
        self._entries = entries
        self._ttl_s = ttl_s
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._hits = self._misses = self._dropped = self._evicted = self._expired = 0
        self.joined = 0

    @property
    def is_on(self) -> bool:
        """Whether it keeps anything at all."""
        return self._entries > 0

    def get(self, key: bytes, state: Hashable, now: float) -> Answer | None:
        """The answer that was kept for this key in this state of the plugins, unless it is too old."""
        kept = self._kept.get(key)
        if kept is not None and (kept.until <= now or kept.state != state):
            del self._kept[key]
            if kept.until <= now:
                self._expired += 1
            else:
                self._dropped += 1
            kept = None
        if kept is None:
            self._misses += 1
            return None
        self._hits += 1
        self._kept.move_to_end(key)
        return kept.answer

    def put(self, key: bytes, state: Hashable, answer: Answer, now: float) -> None:
        """Keeps an answer that is good in this state of the plugins."""
        if not self.is_on:
            return
        self._kept[key] = _Kept(answer, state, now + self._ttl_s)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)
            self._evicted += 1

    def statistics(self) -> CacheStatistics:
        """As `/api/v1/cache/stats` shows it."""
        asked = self._hits + self._misses
        return CacheStatistics(
            enabled=self.is_on,
            size=len(self._kept),
            max_size=self._entries,
            ttl_ms=self._ttl_s * 1000.0,
            hits=self._hits,
            misses=self._misses,
            joined=self.joined,
            dropped=self._dropped,
            evictions=self._evicted,
            expired=self._expired,
            hit_rate=self._hits / asked if asked else 0.0,
        )

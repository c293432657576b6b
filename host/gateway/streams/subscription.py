"""What one reader has still to be sent: bounded, whatever the reader does.

Pure: put and take, no I/O. Whoever sends waits on `wakened`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection

from host.gateway.context import Policy
from host.gateway.streams.event import Event


class Subscription:
    """A queue in front of one reader.

    Attributes:
        dropped: Events lost since the last that was taken.
        closed: Why no more will come; `None` while more may.
        wakened: Set when there is something to take, or it was closed.
    """

    def __init__(
        self,
        name: str,
        topics: Collection[str],
        policy: Policy = "dropOldest",
        limit: int = 1000,
        wakened: asyncio.Event | None = None,
    ) -> None:
        self.name = name
        self.topics = frozenset(topics)
        self.dropped = 0
        self.dropped_total = 0
        self.closed: str | None = None
        self.wakened = wakened or asyncio.Event()
        self._policy = policy
        self._limit = limit
        self._waiting: OrderedDict[object, Event] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: Event) -> None:
        """Takes an event in, and makes room as the policy says."""
        if self.closed is not None or event.topic not in self.topics:
            return
        key: object = event.seq
        if self._policy == "latest":
            key = (event.topic, event.key)
            if self._waiting.pop(key, None) is not None:
                self._drop()
        if len(self._waiting) >= self._limit:
            if self._policy == "close":
                self.close(f"{self._limit} events waited and were not read")
                return
            self._waiting.popitem(last=False)
            self._drop()
        self._waiting[key] = event
        self.wakened.set()

    def take(self) -> tuple[Event, int] | None:
        """The next event, and how many were lost before it; `None` when nothing waits."""
        if not self._waiting:
            return None
        _, event = self._waiting.popitem(last=False)
        dropped, self.dropped = self.dropped, 0
        return event, dropped

    def close(self, why: str) -> None:
        """No more events come; those that wait are lost."""
        if self.closed is None:
            self.closed = why
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self.wakened.set()

    def _drop(self) -> None:
        self.dropped += 1
        self.dropped_total += 1

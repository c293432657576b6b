"""Numbers events, keeps the latest of them, and hands each to every subscription that wants it."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from host.errors import RequestError
from host.gateway.context import Policy
from host.gateway.streams.event import TOPICS, Event, Topic
from host.gateway.streams.subscription import Subscription
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.problems.request import unknown_member

KEPT = 2000  # events, for readers that come back
MOST = 1000  # subscriptions of all connections


class TooManyError(RequestError):
    """There are as many subscriptions as there may be."""

    code = ErrorCode.OVERLOADED
    retryable = True


class Hub:
    """Used on the event loop's thread alone.

    Attributes:
        dropped: Events that subscriptions lost, those that are gone included.
        joined: Told the topics of each new subscription, before anything else happens.
    """

    def __init__(self, wall_ms: Callable[[], float] = lambda: time.time() * 1000.0) -> None:
        self._wall_ms = wall_ms
        # So that numbers grow across a restart, and a reader that comes back is told what it missed.
        self._seq = int(wall_ms()) * 1000
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._subscriptions: dict[str, Subscription] = {}
        self._dropped_by_gone = 0
        self.joined: Callable[[Collection[str]], None] = lambda topics: None

    def __len__(self) -> int:
        return len(self._subscriptions)

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return self._seq

    @property
    def dropped(self) -> int:
        return self._dropped_by_gone + sum(each.dropped_total for each in self._subscriptions.values())

    def wanted(self, topic: Topic) -> bool:
        """Whether anybody listens to *topic* now."""
        return any(topic in each.topics for each in self._subscriptions.values())

    def publish(self, topic: Topic, data: Any, key: str = "") -> None:
        """One event to everyone who wants it. *data* must not be changed afterwards."""
        self._seq += 1
        event = Event(self._seq, topic, self._wall_ms(), key, data)
        self._kept.append(event)
        for each in self._subscriptions.values():
            each.put(event)

    def subscribe(
        self,
        topics: Collection[str],
        *,
        resume_from: int | None = None,
        policy: Policy = "dropOldest",
        limit: int = 1000,
        wakened: Any = None,
    ) -> tuple[Subscription, int]:
        """A new subscription, and how many events it has missed for good, at most.

        Args:
            resume_from: The number of the last event the reader has seen; those after it wait for it first.

        Raises:
            ProblemError: A topic is not known.
            TooManyError: There are too many subscriptions.
        """
        for at, topic in enumerate(topics):
            if topic not in TOPICS:
                raise ProblemError(f"topics[{at}]", topic, unknown_member(topic, set(TOPICS), "one of"))
        if len(self._subscriptions) >= MOST:
            raise TooManyError(f"there are {MOST} subscriptions already; end some, or try again later")
        subscription = Subscription(secrets.token_hex(8), topics, policy, limit, wakened)
        missed = 0
        if resume_from is not None:
            oldest = self._kept[0].seq if self._kept else self._seq + 1
            missed = max(0, oldest - resume_from - 1) if resume_from <= self._seq else 0
            for event in self._kept:
                if event.seq > resume_from:
                    subscription.put(event)
        self._subscriptions[subscription.name] = subscription
        self.joined(subscription.topics)
        return subscription, missed

    def unsubscribe(self, subscription: Subscription) -> None:
        """Ends it; one that has ended is no error."""
        if self._subscriptions.pop(subscription.name, None) is not None:
            self._dropped_by_gone += subscription.dropped_total
        subscription.close("it was ended")

    def close(self, why: str) -> None:
        """Ends all of them: their readers are told *why*."""
        for each in self._subscriptions.values():
            each.close(why)

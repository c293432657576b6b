"""What happens to plugins, told in order to whoever listens."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import msgspec

log = logging.getLogger(__name__)

Topic = Literal[
    "plugin:registered",
    "plugin:unregistered",
    "plugin:enabled",
    "plugin:disabled",
    "plugin:error",
    "plugin:state",
    "plugin:progress",
    "plugin:trained",
    "workload:drift",
]


class PluginEvent(msgspec.Struct, rename="camel", frozen=True):
    """One event. `seq` counts all events of this host, without gaps."""

    seq: int
    topic: Topic
    plugin: str
    at_ms: float
    detail: dict[str, Any] = {}


Listener = Callable[[PluginEvent], None]


class EventFeed:
    """Calls each listener with each event, in the order they happened. Listeners must not block.

    It holds nothing back and keeps nothing: a listener that hands events on to somebody slow bounds its own queue.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._seq = 0
        self._untold: deque[PluginEvent] = deque()
        self._telling = False

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener; what is returned takes it away again."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def publish(self, topic: Topic, plugin: str, at_ms: float, detail: dict[str, Any] | None = None) -> None:
        """Tells everyone; a listener that fails is logged and does not keep the others from hearing."""
        self._seq += 1
        self._untold.append(PluginEvent(self._seq, topic, plugin, at_ms, detail or {}))
        if self._telling:
            return  # a listener caused this: it is told when everyone has heard the one before
        self._telling = True
        try:
            while self._untold:
                self._tell(self._untold.popleft())
        finally:
            self._telling = False

    def _tell(self, event: PluginEvent) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:  # a listener's own fault, never the publisher's
                log.exception("events.listener_failed", extra={"topic": event.topic, "plugin": event.plugin})

"""One event, numbered, and written once for all readers."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from host.gateway.envelope import encode

Topic = Literal["decisions", "predictions", "plugins", "logs", "training", "metrics"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

DATA_LIMIT = 32 * 1024  # bytes of one event; what is larger is left out, and said to be


class Event(msgspec.Struct, eq=False):
    """One of them.

    Fields:
        seq: Counts all events of all topics; it goes on where it was across a restart of the host, with a gap.
        key: Of events with the same key, a reader with the policy `latest` is sent the newest.
        data: Not to be changed; written out when the first reader asks.
    """

    seq: int
    topic: Topic
    at_ms: float
    key: str
    data: Any
    _written: bytes | None = None

    def members(self, dropped: int = 0) -> bytes:
        """`"seq":..,"topic":..,"atMs":..,"data":..`, and `dropped` where events before it were."""
        if self._written is None:
            data = encode(self.data)
            if len(data) > DATA_LIMIT:
                data = encode({"tooLarge": len(data)})
            self.data = msgspec.Raw(data)
            self._written = b'"seq":%d,"topic":"%b","atMs":%b,"data":%b' % (
                self.seq,
                self.topic.encode(),
                encode(self.at_ms),
                data,
            )
        return self._written + b',"dropped":%d' % dropped if dropped else self._written

"""An open-loop load: requests leave when they are due, whether or not earlier ones were answered.

Loopback only, bounded in rate, time and connections. A closed loop would slow down with the host it loads, and never
see how long those wait who come at the wrong moment (coordinated omission); latencies count from when a request was due.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_CONNECTIONS = 2_000
MOST_PER_S = 50_000
MOST_S = 60.0
_LOOK = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
DRAIN_S = 30.0  # for the last answers to come in
TICK_S = 0.002


@dataclass
class Loaded:
    """What became of the requests of one load; times in seconds from when each was due.

    Attributes:
        answered, refused: Latencies of those with an answer, and of those refused for overload with a hint.
        other: Anything else that came back, by how it begins.
        hung: Sent, and never answered.
        unsent: Due when every connection was waiting for an answer: the same as a caller that finds no socket.
        late_s: By how much the driver itself was behind at most; above some milliseconds it measures itself.
    """

    seconds: float
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    by_plugins: int = 0
    other: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    hung: int = 0
    unsent: int = 0
    lost: int = 0
    late_s: float = 0.0

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return len(self.answered) / self.seconds


def quantile(values: list[float], q: float) -> float:
    """The value that a share *q* is not above; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * q) - 1)] if ordered else 0.0


class _Line(asyncio.Protocol):
    """One connection, with one request on it at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self.due: float | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, given: bytes, due: float) -> None:
        self.due = due
        self._transport.write(given)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(rest) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        due, self.due = self.due, None
        if due is not None:
            self._load.came(head, rest, due)
        if b"onnection: close" in head:
            self._transport.close()
        else:
            self._load.idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.gone(self)

    def close(self) -> None:
        self._transport.close()


class _Load:
    def __init__(self, seconds: float) -> None:
        self.found = Loaded(seconds)
        self.idle: list[_Line] = []
        self.open: set[_Line] = set()

    def came(self, head: bytes, rest: bytes, due: float) -> None:
        took = time.monotonic() - due
        if head.startswith(b"HTTP/1.1 200") and b'"success":true' in rest:
            self.found.answered.append(took)
            self.found.by_plugins += b'"decidedBy":"builtin:' not in rest
        elif b'"retryAfterMs":' in rest:
            self.found.refused.append(took)
        else:
            what = (head.split(b"\r\n", 1)[0] + b" " + rest[:120]).decode("latin-1")
            self.found.other[what] = self.found.other.get(what, 0) + 1

    def gone(self, line: _Line) -> None:
        self.open.discard(line)
        if line in self.idle:
            self.idle.remove(line)
        if line.due is not None:
            self.found.lost += 1


async def load(
    port: int, per_s: float, seconds: float, request: Callable[[], bytes], connections: int = 500
) -> Loaded:
    """Sends *per_s* requests a second for so many *seconds* to the loopback, and waits for what is under way.

    Args:
        request: Makes the bytes of one, headers and all.
        connections: Open at most; a request that is due when all of them wait counts as unsent.
    """
    if per_s > MOST_PER_S or seconds > MOST_S or connections > MOST_CONNECTIONS:
        raise ValueError(
            f"{per_s:g}/s for {seconds:g} s over {connections} connections; at most {MOST_PER_S}, {MOST_S:g}, "
            f"{MOST_CONNECTIONS}"
        )
    loop = asyncio.get_running_loop()
    one = _Load(seconds)
    for _ in range(connections):
        _, line = await loop.create_connection(lambda: _Line(one), "127.0.0.1", port)
        one.open.add(line)
        line.send(_LOOK, 0.0)  # so that it is accepted before it is needed
    await _until(lambda: len(one.idle) == connections, 30.0)
    one.found = Loaded(seconds)
    began = time.monotonic()
    begun = 0
    while (now := time.monotonic()) < began + seconds:
        until = int((now - began) * per_s)
        one.found.late_s = max(one.found.late_s, now - (began + begun / per_s))
        for number in range(begun, until):
            if not one.idle:
                one.found.unsent += 1
                continue
            one.found.sent += 1
            # Of the idle ones the oldest, so that all of them are in use.
            one.idle.pop().send(request(), began + number / per_s)
        begun = until
        await asyncio.sleep(TICK_S)
    await _until(lambda: all(line.due is None for line in one.open), DRAIN_S)
    one.found.hung = sum(line.due is not None for line in one.open)
    for line in list(one.open):
        line.due = None
        line.close()
    return one.found


async def _until(is_so: Callable[[], bool], timeout_s: float) -> None:
    ends = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < ends:
        await asyncio.sleep(0.01)


def bodies(make: Callable[[int], bytes], numbers: Iterator[int]) -> Callable[[], bytes]:
    """Requests that no cache has seen before."""
    return lambda: make(next(numbers))

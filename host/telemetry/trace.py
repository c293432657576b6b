"""W3C trace context: which trace a call belongs to, read from `traceparent` and written into it.

Source: W3C Recommendation "Trace Context", section 3.2.
"""

from __future__ import annotations

import random
import re
from contextvars import ContextVar

import msgspec

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")


class Trace(msgspec.Struct, frozen=True):
    """One step of a trace.

    Attributes:
        trace_id, span_id: 32 and 16 hexadecimal digits, not all zero.
        sampled: Whether somebody upstream records it.
        parent_id: The step it was called from; `None` at the beginning.
    """

    trace_id: str
    span_id: str
    sampled: bool = False
    parent_id: str | None = None

    @property
    def traceparent(self) -> str:
        """As the header has it."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self) -> Trace:
        """A further step of the same trace."""
        return Trace(self.trace_id, _digits(16), self.sampled, self.span_id)


def read_traceparent(value: str | None) -> Trace | None:
    """The caller's step; `None` for a value that is missing or malformed, which starts a trace of its own."""
    found = _TRACEPARENT.match(value) if value else None
    if found is None or value is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    if (
        version == "ff"
        or (version == "00" and len(value) != 55)
        or not (int(trace_id, 16) and int(span_id, 16))
    ):
        return None
    return Trace(trace_id, span_id, bool(int(flags, 16) & 1))


def begin(value: str | None) -> Trace:
    """Our own step for a call that came with *value*."""
    if value is not None and (caller := read_traceparent(value)) is not None:
        return caller.child()
    digits = _digits(48)
    return Trace(digits[:32], digits[32:])


def _digits(count: int) -> str:
    """Hexadecimal, neither the first nor the last of them zero. Ids name a trace and open nothing, so they need not be hard to guess."""
    return f"{random.getrandbits(4 * count) | 1 << 4 * count - 4 | 1:x}"


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The step that is being worked on here; calls to plugins carry it on."""


def meta_member() -> bytes:
    """`traceparent` for the `_meta` of a call that belongs to somebody's trace; nothing, and no cost, for others."""
    step = current.get()
    if step is None or step.parent_id is None:
        return b""
    return b',"traceparent":"%b"' % step.child().traceparent.encode()

"""How it is said: JSON-RPC 2.0, one message a line, as pure functions of bytes.

Bytes in, events out, the same code on both sides; no clock, no descriptors, no threads. Knows nothing of
what the methods mean. May import: contract. Start reading at: connection.py.
"""

from plugin_sdk.protocol.connection import Connection, ConnectionLimits, Role
from plugin_sdk.protocol.events import (
    Event,
    Junk,
    NotificationReceived,
    RequestReceived,
    ResponseReceived,
    StrayResponse,
)
from plugin_sdk.protocol.framing import FrameTooLargeError, LineSplitter

__all__ = [
    "Connection",
    "ConnectionLimits",
    "Event",
    "FrameTooLargeError",
    "Junk",
    "LineSplitter",
    "NotificationReceived",
    "RequestReceived",
    "ResponseReceived",
    "Role",
    "StrayResponse",
]

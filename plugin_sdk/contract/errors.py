"""Error codes and the shape of `error.data`, one vocabulary for the plugin wire and the front door.

Source: JSON-RPC 2.0, section 5.1 (-32768..-32000 are reserved; -32000..-32099 are the server's own);
the Language Server Protocol for -32800.
"""

from __future__ import annotations

import enum

import msgspec


class ErrorCode(enum.IntEnum):
    """Every code this project sends, by name."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    CANCELLED = -32800
    DEADLINE_EXCEEDED = -32000
    NOT_INITIALIZED = -32001
    PLUGIN_CRASHED = -32002
    OUT_OF_MEMORY = -32003
    CPU_LIMIT = -32004
    OVERLOADED = -32005
    CIRCUIT_OPEN = -32006
    NOT_FOUND = -32007
    DRAINING = -32008
    UNSUPPORTED_VERSION = -32009
    CAPABILITY_MISSING = -32010
    FRAME_TOO_LARGE = -32011
    PROTOCOL_VIOLATION = -32012
    UNAUTHORIZED = -32013
    RATE_LIMITED = -32014
    BAD_RESULT = -32015
    PLUGIN_ERROR = -32016
    NO_ANSWER = -32017
    UNAVAILABLE = -32018
    FORBIDDEN = -32019
    BUSY = -32029

    @property
    def kind(self) -> str:
        """The code's name as it stands in `error.data.kind`, e.g. `deadlineExceeded`."""
        head, *rest = self.name.lower().split("_")
        return head + "".join(word.capitalize() for word in rest)


class ErrorData(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What a machine needs to act on an error; never the text of an exception nobody wrote for readers."""

    kind: str
    path: str | None = None
    value: object = None
    hint: str | None = None
    plugin: str | None = None
    retryable: bool = False
    retry_after_ms: float | None = None
    elapsed_ms: float | None = None
    cause: str | None = None

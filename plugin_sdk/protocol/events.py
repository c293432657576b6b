"""What a stretch of bytes turned out to mean."""

from __future__ import annotations

from typing import Any

import msgspec

from plugin_sdk.protocol.wire import ErrorObject, RequestId


class RequestReceived(msgspec.Struct, frozen=True, gc=False):
    """The peer asks; answer with `Connection.result` or `Connection.error`. `params` is JSON, or absent."""

    id: RequestId
    method: str
    params: msgspec.Raw | None


class NotificationReceived(msgspec.Struct, frozen=True, gc=False):
    """The peer tells; nothing is to be answered."""

    method: str
    params: msgspec.Raw | None


class ResponseReceived(msgspec.Struct, frozen=True):
    """The answer to a request of ours; `token` is what was given with it. Either `result` or `error` is set."""

    id: int
    token: Any
    result: msgspec.Raw | None
    error: ErrorObject | None


class StrayResponse(msgspec.Struct, frozen=True, gc=False):
    """An answer nobody waits for. `late` when the request was ours and has been given up; else unknown or twice."""

    id: RequestId | None
    late: bool


class Junk(msgspec.Struct, frozen=True, gc=False):
    """A line that is no message. `why` says what is wrong with it; `quote` is its beginning.

    `code` is what a peer is told for it (with a null id); `None` where it looked like an answer, which is never
    answered: two sides that did would not stop.
    """

    why: str
    quote: bytes
    code: int | None = None


Event = RequestReceived | NotificationReceived | ResponseReceived | StrayResponse | Junk

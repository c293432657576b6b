"""One side of a conversation: which requests are open, what an incoming line means, what may be said when.

Theory of operation. A connection starts NEW. The host sends `initialize` and nothing else; its result makes
both sides READY, its error makes them CLOSED. `shutdown` makes them CLOSING: open requests may still be
answered, no new ones are sent. The table below is the whole of it; docs/reference/protocol.md shows the same.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.protocol.depth import nests_deeper_than
from plugin_sdk.protocol.events import (
    Event,
    Junk,
    NotificationReceived,
    RequestReceived,
    ResponseReceived,
    StrayResponse,
)
from plugin_sdk.protocol.framing import LineSplitter
from plugin_sdk.protocol.wire import (
    PlainAnswer,
    PlainRequest,
    RequestId,
    decode_message,
    decode_plain_answer,
    decode_plain_request,
    encode_json,
    error_bytes,
    notification_bytes,
    request_bytes,
    result_bytes,
    timed_request_bytes,
)

_QUOTE_BYTES = 200  # of a junk line, for the log
_REMEMBERED = 1024  # given-up requests whose late answers are told from unknown ones


class Role(enum.Enum):
    """Which end this is. Only the host sends `initialize` and `shutdown`."""

    HOST = "host"
    PLUGIN = "plugin"


class ConnectionState(enum.Enum):
    """See the module's theory of operation."""

    NEW = "new"
    READY = "ready"
    CLOSING = "closing"
    CLOSED = "closed"


class Step(enum.Enum):
    """What moves a connection on."""

    INITIALIZED = "initialized"
    REFUSED = "refused"
    SHUTDOWN = "shutdown"
    ENDED = "ended"


TRANSITIONS: Mapping[ConnectionState, Mapping[Step, ConnectionState]] = {
    ConnectionState.NEW: {
        Step.INITIALIZED: ConnectionState.READY,
        Step.REFUSED: ConnectionState.CLOSED,
        Step.SHUTDOWN: ConnectionState.CLOSING,
        Step.ENDED: ConnectionState.CLOSED,
    },
    ConnectionState.READY: {
        Step.SHUTDOWN: ConnectionState.CLOSING,
        Step.ENDED: ConnectionState.CLOSED,
    },
    ConnectionState.CLOSING: {Step.ENDED: ConnectionState.CLOSED},
    ConnectionState.CLOSED: {},
}

_SENDABLE: Mapping[ConnectionState, frozenset[str] | None] = {
    ConnectionState.NEW: frozenset({"initialize", "shutdown"}),
    ConnectionState.READY: None,  # anything
    ConnectionState.CLOSING: frozenset(),
    ConnectionState.CLOSED: frozenset(),
}


class StateError(RuntimeError):
    """This side tried to say something that the conversation's state does not allow."""


class ConnectionLimits(msgspec.Struct, frozen=True):
    """What a peer is held to."""

    frame_bytes: int = 8 * 1024 * 1024
    depth: int = 128


class Connection:
    """Bytes in, events out; requests in, bytes out. Does no I/O and reads no clock.

    Attributes:
        open: Requests of ours that have no answer yet, id to token, oldest first. Others read it, and take out what
            `plain_answer` found to be the answer.
    """

    def __init__(self, role: Role, limits: ConnectionLimits | None = None) -> None:
        self.role = role
        self.state = ConnectionState.NEW
        limits = limits or ConnectionLimits()
        self._splitter = LineSplitter(limits.frame_bytes)
        self._depth = limits.depth
        self._flat = 2 * limits.depth  # bytes; a shorter line cannot nest too deep
        self._sendable = _SENDABLE[self.state]
        self.open: dict[int, Any] = {}
        self._given_up: OrderedDict[int, None] = OrderedDict()
        self._next_id = 1

    def limit_frames(self, frame_bytes: int) -> None:
        """Holds the peer to another frame size from here on, as agreed in the handshake."""
        self._splitter.limit = frame_bytes

    def step(self, step: Step) -> None:
        """Moves on as the table says; a step that the state does not know changes nothing."""
        self.state = TRANSITIONS[self.state].get(step, self.state)
        self._sendable = _SENDABLE[self.state]

    @property
    def next_id(self) -> int:
        """What the next request will be called."""
        return self._next_id

    def request(
        self,
        method: str,
        params: bytes,
        *,
        token: Any,
        deadline_ms: int | None = None,
        more: bytes = b"",
    ) -> tuple[int, bytes]:
        """Opens a request.

        Args:
            params: A JSON object, encoded, with no newline in it.
            token: Comes back with the answer.
            deadline_ms: Milliseconds that are left for it; they are told in its `_meta`.
            more: Further members of `_meta`, encoded, each with a comma before it.

        Returns:
            Its id, and the line to send.

        Raises:
            StateError: The state does not allow this method now.
        """
        if self._sendable is not None and method not in self._sendable:
            raise StateError(f"{method} cannot be sent while the connection is {self.state.value}")
        request_id = self._next_id
        self._next_id = request_id + 1
        self.open[request_id] = token
        if deadline_ms is None:
            return request_id, request_bytes(request_id, method, params)
        return request_id, timed_request_bytes(request_id, method, params, deadline_ms, more)

    def give_up(self, request_id: int) -> None:
        """Stops waiting for an answer; when it comes all the same it is a late `StrayResponse`."""
        if self.open.pop(request_id, None) is not None or request_id not in self._given_up:
            self._given_up[request_id] = None
            if len(self._given_up) > _REMEMBERED:
                self._given_up.popitem(last=False)

    def notification(self, method: str, params: object) -> bytes:
        """The line of a notification."""
        return notification_bytes(method, encode_json(params))

    def result(self, request_id: RequestId, result: bytes) -> bytes:
        """The line that answers a peer's request with *result*, encoded."""
        return result_bytes(request_id, result)

    def error(self, request_id: RequestId | None, code: int, message: str, data: object = None) -> bytes:
        """The line that answers a peer's request with an error."""
        return error_bytes(request_id, code, message, data)

    def receive(self, data: bytes) -> list[Event]:
        """What *data* means, in order.

        Raises:
            FrameTooLargeError: A line is over the limit; close the connection.
        """
        events: list[Event] = []
        for line in self._splitter.feed(data):
            event = self.event(line)
            if event is not None:
                events.append(event)
        return events

    def event(self, line: bytes) -> Event | None:
        """What one line means; nothing when it is blank."""
        if not line or line.isspace():
            return None
        try:
            message = decode_message(line)
            if not line.isascii():
                line.decode()  # msgspec.Raw passes bytes that are not UTF-8
            if nests_deeper_than(line, self._depth):
                raise RecursionError
        except RecursionError:
            why = f"it is nested more than {self._depth} deep"
            return Junk(why, line[:_QUOTE_BYTES], ErrorCode.PARSE_ERROR)
        except UnicodeDecodeError:
            return Junk("it is not UTF-8", line[:_QUOTE_BYTES], ErrorCode.PARSE_ERROR)
        except msgspec.ValidationError as error:
            why = f"it is no JSON-RPC 2.0 message: {error}"
            return Junk(why, line[:_QUOTE_BYTES], ErrorCode.INVALID_REQUEST)
        except msgspec.DecodeError as error:
            return Junk(f"it is not JSON: {error}", line[:_QUOTE_BYTES], ErrorCode.PARSE_ERROR)
        if message.method is not UNSET:
            params = None if message.params is UNSET else message.params
            if message.id is UNSET:
                return NotificationReceived(message.method, params)
            if message.id is None:
                return Junk("a request's id is null", line[:_QUOTE_BYTES], ErrorCode.INVALID_REQUEST)
            return RequestReceived(message.id, message.method, params)
        return self._response(message.id, message.result, message.error, line)

    def lines(self, data: bytes) -> list[bytes]:
        """The lines that *data* completes; each is for `plain_answer` or `plain_request` first, then for `event`.

        Raises:
            FrameTooLargeError: As `receive`.
        """
        return self._splitter.feed(data)

    def plain_answer(self, line: bytes) -> PlainAnswer | None:
        """The answer that *line* is, when it has a result and no more: the quick way for most lines.

        Nothing is taken note of. A caller that finds the request in `open` takes it out and has the result; if it is not
        there, `stray` says what came. `None` says nothing about *line*: it is given to `event`.
        """
        try:
            answer = decode_plain_answer(line)
            if not line.isascii():
                line.decode()  # as in `event`
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if len(line) > self._flat and nests_deeper_than(line, self._depth):
            return None
        return answer

    def plain_request(self, line: bytes) -> PlainRequest | None:
        """As `plain_answer`, for the other end."""
        try:
            request = decode_plain_request(line)
            if not line.isascii():
                line.decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if len(line) > self._flat and nests_deeper_than(line, self._depth):
            return None
        return request

    def stray(self, request_id: RequestId) -> StrayResponse:
        """What an answer is whose request is not open."""
        late = self._given_up.pop(request_id, 0) is None if type(request_id) is int else False
        return StrayResponse(request_id, late)

    def is_lone(self, data: bytes) -> bool:
        """Whether *data*, which is not empty, is one whole line with its newline, and need not be cut."""
        splitter = self._splitter
        return data.find(b"\n") == len(data) - 1 <= splitter.limit and not splitter.held

    def drain_open(self) -> Iterable[tuple[int, Any]]:
        """All open requests with their tokens, which are open no longer; for when the peer is gone."""
        open_requests = list(self.open.items())
        self.open.clear()
        self.step(Step.ENDED)
        return open_requests

    def _response(self, request_id: Any, result: Any, error: Any, line: bytes) -> Event:
        if request_id is UNSET or (result is UNSET) == (error is UNSET):
            return Junk("it has neither a method nor exactly one of result and error", line[:_QUOTE_BYTES])
        if type(request_id) is int and request_id in self.open:
            token = self.open.pop(request_id)
            if error is UNSET:
                return ResponseReceived(request_id, token, result, None)
            return ResponseReceived(request_id, token, None, error)
        if request_id is None:
            return Junk("it answers no request: its id is null", line[:_QUOTE_BYTES])
        return self.stray(request_id)


def error_for_unready(state: ConnectionState) -> tuple[ErrorCode, str]:
    """What a plugin answers to a request that came before `initialize` or after `shutdown`."""
    if state is ConnectionState.NEW:
        return ErrorCode.NOT_INITIALIZED, "send initialize first"
    return ErrorCode.DRAINING, "the plugin is shutting down"

"""What a plugin writes, sorted: answers to their calls, log lines to the log, the rest counted; and a bound on it all.

Theory of operation. A read is mostly one whole line that answers an open call, and that has a way of its own. In all
other reads the lines are counted before any is parsed: at most one a call that waits, besides what the budget of
messages allows. So a flood costs one read and one count, whatever it is made of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from host.errors import BadResultError, CallLateError, PluginError, RemoteError, plain_words
from host.rate import RateBudget
from host.rpc.counts import CallCounts
from host.rpc.limits import ClientLimits, Fault
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import LogParams, ProgressParams
from plugin_sdk.protocol import (
    Connection,
    Event,
    FrameTooLargeError,
    Junk,
    NotificationReceived,
    RequestReceived,
    ResponseReceived,
    StrayResponse,
)
from plugin_sdk.protocol.wire import ErrorObject

LONG_BYTES = 8192  # a line that nobody asked for counts once more for each of these: it is read all the same


class Calls(Protocol):
    """Who waits for answers."""

    @property
    def owed(self) -> int:
        """Answers that may still come although nobody waits for them."""
        ...

    def sent_bytes(self) -> int:
        """How much it was sent so far, small requests left out: it may send as much back, beside its budget."""
        ...

    def on_result(self, token: Any, result: msgspec.Raw) -> None: ...

    def on_error(self, token: Any, error: PluginError) -> None: ...

    def on_late(self, request_id: int) -> bool:
        """Whether an answer that nobody waits for was still owed."""
        ...

    def refuse(self, request_id: int | str) -> None:
        """The plugin asked something, which no plugin may."""
        ...

    def broken(self, why: str, fault: Fault) -> None:
        """The plugin is not to be listened to any longer."""
        ...


def progress_token(request_id: object) -> str:
    """Names the call of this id in what the plugin says of its progress."""
    return f"call-{request_id}"


class Inbox:
    """One plugin's stdout, read by its client."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        calls: Calls,
        limits: ClientLimits,
        counts: CallCounts,
        on_log: Callable[[str], None] | None,
        on_progress: Callable[[ProgressParams], None] | None = None,
    ) -> None:
        self.heard_at = time.monotonic()  # the last time that it said anything
        self._name = name
        self._connection = connection
        self._open = connection.open
        self._calls = calls
        self._limits = limits
        self._counts = counts
        self._on_log = on_log
        self._on_progress = on_progress
        self._on_result = calls.on_result
        self._junk = 0
        self._now = time.monotonic
        self._messages = RateBudget(limits.messages_per_s, time.monotonic)
        self._bytes = RateBudget(limits.bytes_per_s, time.monotonic, calls.sent_bytes)

    def on_data(self, data: bytes) -> None:
        """Takes what was read."""
        self.heard_at = self._now()
        if not self._bytes.spend(len(data)):
            self._flooded(f"more than {self._limits.bytes_per_s} bytes over what it was sent")
            return
        connection = self._connection
        if connection.is_lone(data):
            answer = connection.plain_answer(data)
            if answer is not None:
                pending = self._open.pop(answer.id, None)
                if pending is not None:
                    self._on_result(pending, answer.result)
                    return
        self._sort(data)

    def _sort(self, data: bytes) -> None:
        connection, calls = self._connection, self._open
        unasked = data.count(b"\n")
        if not self._messages.fits(unasked - len(calls) - self._calls.owed):
            self._flooded(f"more than {self._limits.messages_per_s} messages that nobody asked for")
            return
        try:
            lines = connection.lines(data)
        except FrameTooLargeError as error:
            why = f"it sent {error.size} bytes without a newline; a frame has at most {error.limit}"
            self._calls.broken(why, "protocol")
            return
        for line in lines:
            answer = connection.plain_answer(line)
            if answer is None:
                asked = self._on_other(connection.event(line))
            elif (pending := calls.pop(answer.id, None)) is not None:
                unasked -= 1
                self._on_result(pending, answer.result)
                continue
            else:
                asked = self._on_stray(connection.stray(answer.id))
            unasked += -1 if asked else len(line) // LONG_BYTES
        if not self._messages.spend(unasked):
            self._flooded(f"more than {self._limits.messages_per_s} messages that nobody asked for")

    def _on_other(self, event: Event | None) -> bool:
        """Whether a line that is no plain answer was one that was asked for all the same."""
        match event:
            case ResponseReceived():
                self._on_response(event)
                return True
            case StrayResponse():
                return self._on_stray(event)
            case NotificationReceived():
                self._on_notification(event)
            case Junk():
                self._on_junk(event)
            case RequestReceived():
                self._calls.refuse(event.id)
        return False

    def _flooded(self, what: str) -> None:
        self._calls.broken(f"it sent {what} within a second", "flood")

    def _on_response(self, event: ResponseReceived) -> None:
        if event.result is not None:
            self._on_result(event.token, event.result)
        else:
            assert event.error is not None
            self._calls.on_error(event.token, self._remote_error(event.error))

    def _on_stray(self, event: StrayResponse) -> bool:
        """Whether it was an answer that was still owed."""
        # The connection remembers a bounded number of given-up ids; a late answer that it has forgotten must not
        # leave the call behind as one that hangs.
        owed = isinstance(event.id, int) and self._calls.on_late(event.id)
        if owed or event.late:
            self._counts.late_answers += 1
        else:
            self._counts.stray += 1
        return owed

    def _on_notification(self, event: NotificationReceived) -> None:
        if event.params is None:
            return
        try:
            if event.method == "log" and self._on_log is not None:
                line = msgspec.json.decode(event.params, type=LogParams)
                self._on_log(f"[{line.level}] {line.message}")
            elif event.method == "$/progress" and self._on_progress is not None:
                progress = msgspec.json.decode(event.params, type=ProgressParams)
                if any(progress.token == progress_token(each) for each in self._open):
                    self._on_progress(progress)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._counts.junk += 1
        # Unknown notifications are ignored, so that either side may be newer.

    def _on_junk(self, event: Junk) -> None:
        self._counts.junk += 1
        self._junk += 1
        if self._on_log is not None:
            self._on_log(f"[host] a line on stdout is no message ({event.why}): {event.quote!r}")
        if self._junk == self._limits.junk_lines:
            self._calls.broken(f"it wrote {self._junk} lines on stdout that are no messages", "protocol")

    def _remote_error(self, error: ErrorObject) -> PluginError:
        if error.code == ErrorCode.DEADLINE_EXCEEDED:
            return CallLateError(self._name, "it gave up at the deadline")
        if error.code == ErrorCode.BAD_RESULT:
            return BadResultError(self._name, plain_words(error.message))
        return RemoteError(self._name, error.code, plain_words(error.message))

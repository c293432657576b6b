"""Calls to one process of a plugin.

Theory of operation. A call is written at once when fewer than `in_flight` are open, and else waits in a bounded
queue. The deadline stands in the pending entry; one sweep for all entries looks for those that are over, which is
cheaper than a timer a call. When a deadline passes, the caller is told, `$/cancelRequest` is sent, and the entry
moves to the overdue ones: the protocol wants an answer all the same, so a plugin that gives none within
`grace_s` hangs, and its owner is told to end it. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import UNSET

from host.errors import (
    BadResultError,
    CallLateError,
    PluginBusyError,
    PluginError,
    PluginGoneError,
    RemoteError,
)
from host.rpc.counts import CallCounts
from host.rpc.pipe import Pipe, PipeClosedError
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import CancelParams, LogParams
from plugin_sdk.protocol import (
    Connection,
    ConnectionLimits,
    FrameTooLargeError,
    Junk,
    NotificationReceived,
    RequestReceived,
    ResponseReceived,
    Role,
    StrayResponse,
)
from plugin_sdk.protocol.connection import StateError, Step
from plugin_sdk.protocol.wire import ErrorObject

Fault = Literal["hang", "protocol"]
ASKING = frozenset({"predict", "score", "optimize"})  # what a status page counts as calls
SWEEP_S = 0.02  # how late the news of a passed deadline may be; the engine keeps its own, exact one


@dataclass(frozen=True)
class ClientLimits:
    """How much one plugin may hold of the host, and how long it may not answer.

    Attributes:
        in_flight, queued: Calls sent and unanswered; calls waiting for a place.
        frame_bytes: Of one message, either way.
        unsent_bytes: Of requests the plugin does not read; over it, calls are refused.
        grace_s: From a passed deadline to the verdict that it hangs.
        junk_lines: Lines on stdout that are no messages, before it is given up.
    """

    in_flight: int = 4
    queued: int = 16
    frame_bytes: int = 8 * 1024 * 1024
    unsent_bytes: int = 16 * 1024 * 1024
    grace_s: float = 2.0
    junk_lines: int = 1000


class _Pending(msgspec.Struct, eq=False):
    """One open call. `future` is `None` once its caller has gone."""

    method: str
    future: asyncio.Future[msgspec.Raw] | None
    started: float
    deadline: float
    request_id: int = 0


class PluginClient:
    """The host's end of one plugin process. Not for use after `close`.

    Args:
        on_closed: Told once why no call can be made any more, and of what fault the process is guilty, if any, so
            that its owner ends it.
        on_log: Told of every line the plugin logs, and of every junk line.
    """

    def __init__(
        self,
        name: str,
        read_fd: int,
        write_fd: int,
        *,
        limits: ClientLimits | None = None,
        counts: CallCounts | None = None,
        on_closed: Callable[[str, Fault | None], None] | None = None,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or ClientLimits()
        self.counts = counts or CallCounts()
        self._on_closed = on_closed
        self._on_log = on_log
        self._loop = asyncio.get_running_loop()
        self._now = time.monotonic  # the loop's clock; uvloop's own `time()` is of when it last looked
        self._connection = Connection(Role.HOST, ConnectionLimits(self.limits.frame_bytes))
        self._open: dict[int, _Pending] = self._connection.open
        self._overdue: dict[int, float] = {}
        self._queue: deque[asyncio.Future[None]] = deque()
        self._params_bytes = self.limits.frame_bytes - 256  # room for the envelope
        self._free = self.limits.in_flight
        self._junk = 0
        self._sweeping = False
        self._closed: str | None = None
        self._pipe = Pipe(read_fd, write_fd, self._on_data, self._on_eof)

    @property
    def in_flight(self) -> int:
        """Calls sent whose callers still wait."""
        return len(self._open)

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        """One call, at most once; see `host.registry.askable.Askable.call`.

        Args:
            params: A JSON object, encoded, without a newline and without `_meta`.
            deadline: On the event loop's clock, seconds.

        Raises:
            CallLateError: The deadline passed first.
            PluginBusyError: It has as many calls as it may have.
            PluginGoneError: Its process ended, or its pipe closed, before it answered.
            RemoteError: It answered with an error.
            BadResultError: It answered that it has no valid result.
        """
        if self._closed is not None:
            raise PluginGoneError(self.name, self._closed)
        started = now = self._now()
        exclusive = method != "train"  # a training runs beside the calls and takes no place of theirs
        if exclusive:
            if self._free > 0:
                self._free -= 1
            else:
                await self._wait_turn(method, deadline)
                now = self._now()
        try:
            pending = self._send(method, params, started, now, deadline)
            assert pending.future is not None
            try:
                return await pending.future
            except asyncio.CancelledError:
                if pending.request_id in self._open:
                    self.counts.cancelled += 1
                    self._abandon(pending)
                raise
        finally:
            if exclusive:
                if self._queue:
                    self._give_turn()
                else:
                    self._free += 1

    def notify(self, method: str, params: object) -> None:
        """Tells the plugin something; lost without a word when it is gone."""
        if self._closed is None:
            self._write(self._connection.notification(method, params))

    def opened(self) -> None:
        """To be called when `initialize` was answered well: from now on anything may be sent."""
        self._connection.step(Step.INITIALIZED)

    def close(self, why: str, *, fault: Fault | None = None) -> None:
        """Fails every open call with *why* and lets go of the pipes. Safe to call twice."""
        if self._closed is not None:
            return
        self._closed = why
        self._pipe.close()
        for _, pending in self._connection.drain_open():
            self._fail(pending, PluginGoneError(self.name, why))
        self._overdue.clear()
        for turn in self._queue:
            if not turn.done():
                turn.set_exception(PluginGoneError(self.name, why))
        self._queue.clear()
        if self._on_closed is not None:
            self._on_closed(why, fault)

    def _send(self, method: str, params: bytes, started: float, now: float, deadline: float) -> _Pending:
        if self._closed is not None:  # while this call waited for its turn
            raise self._counted(method, PluginGoneError(self.name, self._closed))
        left = deadline - now
        if left <= 0:
            late = CallLateError(self.name, "the deadline had passed before it could be asked")
            raise self._counted(method, late)
        if self._pipe.unsent_bytes > self.limits.unsent_bytes:
            why = f"it does not read: {self._pipe.unsent_bytes} bytes wait for it"
            raise self._counted(method, PluginBusyError(self.name, why))
        if len(params) > self._params_bytes:
            why = f"the request of {len(params)} bytes is over its frame limit"
            raise self._counted(method, BadResultError(self.name, why))
        pending = _Pending(method, self._loop.create_future(), started, deadline)
        meta = b'{"deadlineMs":%d}' % (int(left * 1000 + 0.5) or 1)
        try:
            pending.request_id, line = self._connection.request(method, params, token=pending, meta=meta)
        except StateError as error:
            raise self._counted(method, PluginGoneError(self.name, str(error))) from error
        if method in ASKING:
            self.counts.calls += 1
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_S, self._sweep)
        try:
            self._pipe.write(line)
        except PipeClosedError:
            self._input_closed()
        return pending

    def _counted(self, method: str, error: PluginError) -> PluginError:
        """*error*, counted as the end of a call that was never sent."""
        if method in ASKING:
            self.counts.calls += 1
            self._count(method, error)
        return error

    def _count(self, method: str, error: PluginError) -> None:
        if method not in ASKING:
            return  # what is not counted as a call is not counted as a failed one
        if isinstance(error, CallLateError):
            self.counts.late += 1
        else:
            self.counts.failures += 1

    async def _wait_turn(self, method: str, deadline: float) -> None:
        if len(self._queue) >= self.limits.queued:
            why = f"{self.limits.in_flight} calls are open and {len(self._queue)} wait"
            raise self._counted(method, PluginBusyError(self.name, why))
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn in self._queue:
                self._queue.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_turn()  # it was given in the same moment
            if isinstance(error, TimeoutError):
                late = CallLateError(self.name, "the deadline passed while it was busy with other calls")
                raise self._counted(method, late) from None
            if isinstance(error, PluginError):
                self._counted(method, error)
            raise

    def _give_turn(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _write(self, line: bytes) -> None:
        try:
            self._pipe.write(line)
        except PipeClosedError:
            self._input_closed()

    def _input_closed(self) -> None:
        # Its exit is about to be noticed by the pidfd, and then says more than a broken pipe does.
        self.close("it closed its input")

    def _on_eof(self) -> None:
        self.close("it closed its output")

    def _on_data(self, data: bytes) -> None:
        message = self._connection.lone_message(data)
        if (
            message is not None
            and type(message.id) is int
            and type(message.result) is msgspec.Raw
            and message.error is UNSET
            and message.method is UNSET
        ):
            pending = self._open.pop(message.id, None)
            if pending is not None:
                self._on_result(pending, message.result)
                return
        try:
            events = self._connection.receive(data)
        except FrameTooLargeError as error:
            self._broken(f"it sent {error.size} bytes without a newline; a frame has at most {error.limit}")
            return
        for event in events:
            kind = type(event)
            if kind is ResponseReceived:
                self._on_response(event)  # type: ignore[arg-type]  # narrowed by `kind`, which is the fast way
            elif kind is StrayResponse:
                self._on_stray(event)  # type: ignore[arg-type]
            elif kind is NotificationReceived:
                self._on_notification(event)  # type: ignore[arg-type]
            elif kind is Junk:
                self._on_junk(event)  # type: ignore[arg-type]
            elif kind is RequestReceived:
                self._write(
                    self._connection.error(
                        event.id,  # type: ignore[union-attr]
                        ErrorCode.METHOD_NOT_FOUND,
                        "the host answers no requests in protocol version 1",
                    )
                )

    def _on_response(self, event: ResponseReceived) -> None:
        pending: _Pending = event.token
        if event.result is not None:
            self._on_result(pending, event.result)
        elif pending.future is not None and not pending.future.done():
            assert event.error is not None
            self._fail(pending, self._remote_error(event.error))

    def _on_result(self, pending: _Pending, result: msgspec.Raw) -> None:
        future = pending.future
        if future is None or future.done():
            return
        if pending.method in ASKING:
            self.counts.latency.add(self._now() - pending.started)
        future.set_result(result)

    def _on_stray(self, event: StrayResponse) -> None:
        # Ours are the overdue ones: the connection remembers a bounded number of given-up ids, and a late answer
        # that it has forgotten must not leave the call behind as one that hangs.
        mine = isinstance(event.id, int) and self._overdue.pop(event.id, None) is not None
        if not mine and not event.late:
            self.counts.stray += 1

    def _on_notification(self, event: NotificationReceived) -> None:
        if event.method != "log" or event.params is None or self._on_log is None:
            return  # unknown notifications are ignored, so that either side may be newer
        try:
            line = msgspec.json.decode(event.params, type=LogParams)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.counts.junk += 1
            return
        self._on_log(f"[{line.level}] {line.message}")

    def _on_junk(self, event: Junk) -> None:
        self.counts.junk += 1
        self._junk += 1
        if self._on_log is not None:
            self._on_log(f"[host] a line on stdout is no message ({event.why}): {event.quote!r}")
        if self._junk >= self.limits.junk_lines:
            self._broken(f"it wrote {self._junk} lines on stdout that are no messages")

    def _remote_error(self, error: ErrorObject) -> PluginError:
        if error.code == ErrorCode.DEADLINE_EXCEEDED:
            return CallLateError(self.name, "it gave up at the deadline")
        if error.code == ErrorCode.BAD_RESULT:
            return BadResultError(self.name, error.message[:300])
        return RemoteError(self.name, error.code, error.message[:300])

    def _fail(self, pending: _Pending, error: PluginError) -> None:
        self._count(pending.method, error)
        if pending.future is not None and not pending.future.done():
            pending.future.set_exception(error)

    def _abandon(self, pending: _Pending) -> None:
        """The caller waits no longer: cancel, and watch that an answer comes all the same."""
        request_id = pending.request_id
        self._connection.give_up(request_id)
        pending.future = None
        self._overdue[request_id] = max(pending.deadline, self._now()) + self.limits.grace_s
        self._write(self._connection.notification("$/cancelRequest", CancelParams(request_id)))

    def _sweep(self) -> None:
        if self._closed is not None:
            self._sweeping = False
            return
        now = self._now()
        for pending in [each for each in self._open.values() if each.deadline <= now]:
            if pending.request_id not in self._open:
                continue  # the cancel before this one found its input closed, and `close` told everyone
            waited = now - pending.started
            self._fail(pending, CallLateError(self.name, f"no answer within {waited * 1000:.0f} ms"))
            self._abandon(pending)
        if self._overdue and min(self._overdue.values()) <= now:
            self.close(
                f"it did not answer a cancelled call within {self.limits.grace_s:g} s: it hangs", fault="hang"
            )
            return
        if self._open or self._overdue:
            self._loop.call_later(SWEEP_S, self._sweep)
        else:
            self._sweeping = False

    def _broken(self, why: str) -> None:
        self.close(why, fault="protocol")

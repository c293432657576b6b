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
from collections.abc import Callable

import msgspec

from host.errors import (
    BadResultError,
    CallLateError,
    PluginBusyError,
    PluginError,
    PluginGoneError,
)
from host.rpc.breaker import Breakers
from host.rpc.counts import CallCounts
from host.rpc.inbox import Inbox, progress_token
from host.rpc.judging import judge, refusal
from host.rpc.limits import ClientLimits, Fault
from host.rpc.pipe import Pipe, PipeClosedError, PipeMaker
from host.rpc.turns import FullError, Turns
from host.telemetry import trace
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import CancelParams, ProgressParams
from plugin_sdk.protocol import Connection, ConnectionLimits, Role
from plugin_sdk.protocol.connection import StateError, Step

__all__ = ["ClientLimits", "Fault", "PluginClient"]

ASKING = frozenset({"predict", "score", "optimize"})  # what a status page counts as calls
UNBROKEN = frozenset({"initialize", "ping", "shutdown"})  # the host's own, which no breaker keeps from it
BESIDE = frozenset({"train", "backtest", "adopt", "save"})  # take no place of the calls
SWEEP_S = 0.02  # how late the news of a passed deadline may be; the engine keeps its own, exact one
TIMER_EARLY_S = 0.002  # uvloop's timers count whole milliseconds and ring up to 1.5 ms before the deadline
SMALL_BYTES = 4096  # of params; what is larger is counted, since a plugin may answer with as much
GATHER = 8  # calls in flight from which on requests of one turn of the loop share a write


class _Pending(msgspec.Struct, eq=False):
    """One open call. `future` is `None` once its caller has gone; `error` is how it ended, unless it was answered."""

    method: str
    future: asyncio.Future[msgspec.Raw] | None
    started: float
    deadline: float
    request_id: int = 0
    error: PluginError | None = None


class PluginClient:
    """The host's end of one plugin process. Not for use after `close`.

    Args:
        on_closed: Told once why no call can be made any more, and of what fault the process is guilty, if any, so
            that its owner ends it.
        on_log, on_progress: Told of every line it logs and every junk line; and how far a training is.
        make_pipe: One that records what passes, where that is wanted.
    """

    def __init__(
        self,
        name: str,
        read_fd: int,
        write_fd: int,
        *,
        limits: ClientLimits | None = None,
        counts: CallCounts | None = None,
        breakers: Breakers | None = None,
        on_closed: Callable[[str, Fault | None], None] | None = None,
        on_log: Callable[[str], None] | None = None,
        on_progress: Callable[[ProgressParams], None] | None = None,
        make_pipe: PipeMaker = Pipe,
    ) -> None:
        self.name = name
        self.limits = limits or ClientLimits()
        self.counts = counts or CallCounts()
        self._on_closed = on_closed
        self._breakers = breakers or Breakers()
        self._by_method = self._breakers.by_method
        self._loop = asyncio.get_running_loop()
        self._now = time.monotonic  # the loop's clock; uvloop's own `time()` is of when it last looked
        self._connection = Connection(Role.HOST, ConnectionLimits(self.limits.frame_bytes, self.limits.depth))
        self._open: dict[int, _Pending] = self._connection.open
        self._overdue: dict[int, float] = {}
        self._turns = Turns(self.limits.in_flight, self.limits.queued)
        self._params_bytes = self.limits.frame_bytes - 256  # room for the envelope
        self._small_bytes = min(SMALL_BYTES, self._params_bytes)
        self._large_bytes = 0  # of the others' params, so far
        self._idle: asyncio.Future[None] | None = None
        self._sweeping = False
        self._closed: str | None = None
        self._inbox = Inbox(name, self._connection, self, self.limits, self.counts, on_log, on_progress)
        self._pipe = make_pipe(read_fd, write_fd, self._inbox.on_data, self._on_eof)

    @property
    def queued(self) -> int:
        """Calls that wait for their turn."""
        return len(self._turns.waiting)

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
            CircuitOpenError: It kept failing at this method, and is not asked for a while.
        """
        if self._closed is not None:
            raise PluginGoneError(self.name, self._closed)
        started = now = self._now()
        breaker = self._by_method.get(method)
        if breaker is None and method not in UNBROKEN:
            breaker = self._breakers.of(method)
        ticket = 0
        if breaker is not None:
            admitted = breaker.admit(now)
            if admitted is None:
                raise refusal(self.name, breaker, now)
            ticket = admitted
        turns = self._turns
        exclusive = method not in BESIDE
        sent = False
        try:
            if exclusive:
                if turns.free > 0:
                    turns.free -= 1
                else:
                    exclusive = False  # until it has its turn
                    await self._wait_turn(method, deadline)
                    exclusive = True
                    now = self._now()
            pending = self._send(method, params, started, now, deadline)
            sent = True
            assert pending.future is not None
            result = await pending.future
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and sent:
                error = self._left_alone(pending) or error
            if breaker is not None:
                judge(breaker, ticket, error, deadline - now if sent else None, self._now())
            raise
        else:
            if breaker is not None:
                breaker.succeeded(ticket, self._inbox.heard_at)
            return result
        finally:
            if exclusive:
                if turns.waiting:
                    turns.pass_on()
                else:
                    turns.free += 1
            if self._idle is not None and not self._open:
                self._tell_idle()

    async def wait_idle(self) -> None:
        """Waits until no call is open or waits for its turn."""
        while self._closed is None and (self._open or self._turns.waiting):
            self._idle = self._idle or self._loop.create_future()
            await asyncio.shield(self._idle)

    @property
    def quiet_since(self) -> float | None:
        """When it was last heard of, while it owes nobody an answer; else `None`."""
        return None if self._open or self._overdue or self._turns.waiting else self._inbox.heard_at

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
        self._turns.close(PluginGoneError(self.name, why))
        self._tell_idle()
        if self._on_closed is not None:
            self._on_closed(why, fault)

    def _send(self, method: str, params: bytes, started: float, now: float, deadline: float) -> _Pending:
        if self._closed is not None:  # while this call waited for its turn
            raise self._counted(method, PluginGoneError(self.name, self._closed))
        left = deadline - now
        if left <= 0:
            late = CallLateError(self.name, "the deadline had passed before it could be asked")
            raise self._counted(method, late)
        pipe = self._pipe
        if pipe.unsent_bytes and pipe.unsent_bytes > self.limits.unsent_bytes:
            why = f"it does not read: {pipe.unsent_bytes} bytes wait for it"
            raise self._counted(method, PluginBusyError(self.name, why))
        if len(params) > self._small_bytes:
            if len(params) > self._params_bytes:
                why = f"the request of {len(params)} bytes is over its frame limit"
                raise self._counted(method, BadResultError(self.name, why))
            self._large_bytes += len(params)
        pending = _Pending(method, self._loop.create_future(), started, deadline)
        try:
            left_ms = int(left * 1000 + 0.5) or 1
            more = trace.meta_member()
            if method == "train":
                more += b',"progressToken":"%b"' % progress_token(self._connection.next_id).encode()
            pending.request_id, line = self._connection.request(
                method, params, token=pending, deadline_ms=left_ms, more=more
            )
        except StateError as error:
            raise self._counted(method, PluginGoneError(self.name, str(error))) from error
        if method in ASKING:
            self.counts.calls += 1
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_S, self._sweep)
        try:
            if len(self._open) > GATHER:
                pipe.gather(line)
            else:
                pipe.write(line)
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
        try:
            await self._turns.wait(deadline)
        except FullError:
            why = f"{self.limits.in_flight} calls are open and {self.queued} wait"
            raise self._counted(method, PluginBusyError(self.name, why)) from None
        except TimeoutError:
            late = CallLateError(self.name, "the deadline passed while it was busy with other calls")
            raise self._counted(method, late) from None
        except PluginError as error:
            self._counted(method, error)
            raise

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

    # What the inbox tells.

    @property
    def owed(self) -> int:
        """See `host.rpc.inbox.Calls`, as the next five."""
        return len(self._overdue)

    def sent_bytes(self) -> int:
        return self._large_bytes

    def on_result(self, token: _Pending, result: msgspec.Raw) -> None:
        future = token.future
        if future is None or future.done():
            return
        if token.method in ASKING:
            self.counts.latency.add(self._inbox.heard_at - token.started)
        future.set_result(result)

    def on_error(self, token: _Pending, error: PluginError) -> None:
        if token.future is not None and not token.future.done():
            self._fail(token, error)

    def on_late(self, request_id: int) -> bool:
        return self._overdue.pop(request_id, None) is not None

    def refuse(self, request_id: int | str) -> None:
        why = "the host answers no requests in protocol version 1"
        self._write(self._connection.error(request_id, ErrorCode.METHOD_NOT_FOUND, why))

    def broken(self, why: str, fault: Fault) -> None:
        self.close(why, fault=fault)

    # How calls end that are not answered.

    def _left_alone(self, pending: _Pending) -> PluginError | None:
        """Its caller went away: what its end says all the same, at the deadline or when it failed in that moment."""
        if pending.request_id not in self._open:
            return pending.error
        now = self._now()
        self._abandon(pending)
        if now < pending.deadline - TIMER_EARLY_S:
            self.counts.cancelled += 1
            return None
        late = CallLateError(self.name, f"no answer within {(now - pending.started) * 1000:.0f} ms")
        self._count(pending.method, late)
        return late

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        self._idle = None

    def _fail(self, pending: _Pending, error: PluginError) -> None:
        pending.error = error
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

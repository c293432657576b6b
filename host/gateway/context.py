"""What travels with one call beside its parameters: who makes it, by when, and as part of which trace."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

import msgspec

from host.errors import EngineOpsError
from host.gateway.access.audit import AuditLog
from host.gateway.access.roles import LOCAL, Caller
from host.gateway.api import HostApi
from host.telemetry import trace
from host.telemetry.trace import Trace
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.errors import ErrorCode, ErrorData

Policy = Literal["latest", "dropOldest", "close"]
LONGEST_DEADLINE_MS = 24 * 3600 * 1000.0


class DeadlineError(EngineOpsError):
    """The caller's deadline passed before there was an answer."""

    code = ErrorCode.DEADLINE_EXCEEDED
    retryable = True

    def __init__(self, after_ms: float) -> None:
        super().__init__(f"the deadline of {after_ms:g} ms passed before there was an answer")
        self._after_ms = after_ms

    def data(self) -> ErrorData:
        return ErrorData(
            kind=self.code.kind,
            retryable=True,
            elapsed_ms=self._after_ms,
            hint="allow more time, or leave the deadline out; a change that was asked for may still happen",
        )


class CallMeta(msgspec.Struct, rename="camel", omit_defaults=True):
    """`params._meta`.

    Fields:
        deadline_ms: Milliseconds, from the arrival of the call, that the caller waits.
        idempotency_key: Names this call; a repeat with the same key is not carried out again.
    """

    deadline_ms: float | None = None
    traceparent: str | None = None
    progress_token: str | int | None = None
    idempotency_key: str | None = None


class Subscriber(Protocol):
    """A connection that events can be sent on."""

    def subscribe(self, topics: list[str], resume_from: int | None, policy: Policy, limit: int) -> object: ...

    def unsubscribe(self, subscription: str | None) -> int: ...


class Publish(Protocol):
    """Tells those who listen to a topic; `Hub.publish` is one."""

    def __call__(self, topic: Any, data: Any, key: str = "") -> None: ...


class CallContext(msgspec.Struct, frozen=True):
    """One call's surroundings.

    Attributes:
        deadline_ms: From a header, milliseconds; `None` when the caller named none.
        waited_ms: Of the call's time, before it was begun.
        socket: Where events go; `None` over plain HTTP.
    """

    api: HostApi
    caller: Caller = LOCAL
    deadline_ms: float | None = None
    trace: Trace | None = None
    idempotency_key: str | None = None
    socket: Subscriber | None = None
    audit: AuditLog | None = None
    publish: Publish | None = None
    waited_ms: float = 0.0

    def with_meta(self, meta: CallMeta | None) -> CallContext:
        """These, narrowed by what the call itself says."""
        if meta is None:
            return self
        given = checked_deadline(meta.deadline_ms, "_meta.deadlineMs")
        both = [each for each in (self.deadline_ms, given) if each is not None]
        return msgspec.structs.replace(
            self,
            deadline_ms=min(both, default=None),
            trace=trace.begin(meta.traceparent) if trace.read_traceparent(meta.traceparent) else self.trace,
            idempotency_key=meta.idempotency_key or self.idempotency_key,
        )

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Cancels what is inside when the caller's deadline passes.

        Raises:
            DeadlineError: It has passed.
        """
        if self.deadline_ms is None:
            yield
            return
        try:
            async with asyncio.timeout(self.deadline_ms / 1000.0):
                yield
        except TimeoutError:
            raise DeadlineError(self.deadline_ms) from None


def checked_deadline(value: float | None, path: str) -> float | None:
    """*value*, if it is a deadline.

    Raises:
        ProblemError: It is 0, negative, no number, or longer than a day.
    """
    if value is None:
        return None
    if not (math.isfinite(value) and 0 < value <= LONGEST_DEADLINE_MS):
        raise ProblemError(path, value, "a number of milliseconds above 0 and up to a day, or leave it out")
    return value

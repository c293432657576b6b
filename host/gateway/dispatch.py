"""Runs the calls of one body: jsonrpcserver makes each, this module bounds and words what comes of it.

jsonrpcserver gets one parsed element at a time and a function that never raises, with nothing left for it to parse,
look up or validate: as it is shipped one bad entry spoils a batch, a batch runs without bound, exception texts reach the
caller, and most of its time goes into signatures that are the same at each call.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from host.gateway.envelope import (
    Call,
    EnvelopeLimits,
    Refusal,
    encode,
    failure_bytes,
    read_body,
    refusal_bytes,
)
from host.gateway.failure import failure_from
from plugin_sdk.contract.errors import ErrorCode, ErrorData

with warnings.catch_warnings():
    # It reads its schema with a function that Python has deprecated; nothing we could do differently.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    from jsonrpcserver import Error, Success
    from jsonrpcserver.async_dispatcher import call as make_call
    from jsonrpcserver.dispatcher import create_request
    from jsonrpcserver.result import ErrorResult
    from jsonrpcserver.sentinels import NOID

Method = Callable[[Any, Any], Awaitable[object]]
"""`await method(context, params)`: *params* is the member as sent, an object or a list; `{}` when absent."""

Observe = Callable[[str, str, float], None]

LARGE_BYTES = 256 * 1024
NAME_LIMIT = 100  # characters; no method's name is near a longer one
UNKNOWN = "(unknown)"  # a method that does not exist, in figures: callers may make up any number of names


class Dispatcher:
    """Answers bodies with a table of methods.

    Args:
        methods: By name on the wire.
        limits: What one body may hold.
        concurrency: Calls of one batch that run at the same time, >= 1.
        observe: Told of each call: its method, how it ended (`ok`, or the kind of an error), and seconds.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        *,
        limits: EnvelopeLimits | None = None,
        concurrency: int = 16,
        observe: Observe | None = None,
    ) -> None:
        self.limits = limits or EnvelopeLimits()
        self._concurrency = concurrency
        observe = observe or _nobody
        self._observe = observe
        self._methods = {name: _guarded(name, method, observe) for name, method in methods.items()}

    async def answer(
        self, body: bytes, context: object, *, charge: Callable[[int], None] | None = None
    ) -> bytes | None:
        """The response to *body*, encoded; `None` when it held notifications alone.

        Args:
            context: Handed to every method.
            charge: Told how many calls a batch has beyond its first.
        """
        # A large body is read in a thread, so that others are answered meanwhile.
        large = len(body) > LARGE_BYTES
        read = (
            await asyncio.to_thread(read_body, body, self.limits) if large else read_body(body, self.limits)
        )
        if not read.batch:
            return await self._answer_entry(read.entries[0], context)
        if charge is not None:
            charge(len(read.entries) - 1)
        responses: list[bytes | None] = [None] * len(read.entries)
        waiting = iter(enumerate(read.entries))

        async def work() -> None:
            for at, entry in waiting:  # one iterator for all workers: each takes the next entry left
                responses[at] = await self._answer_entry(entry, context)

        async with asyncio.TaskGroup() as group:
            for number in range(min(self._concurrency, len(read.entries))):
                group.create_task(work(), name=f"batch:{number}")
        said = [response for response in responses if response is not None]
        return b"[" + b",".join(said) + b"]" if said else None

    async def _answer_entry(self, entry: Call | Refusal, context: object) -> bytes | None:
        if isinstance(entry, Refusal):
            self._observe(UNKNOWN, entry.code.kind, 0.0)
            return refusal_bytes(entry)
        request = create_request(entry.element)
        method = self._methods.get(request.method)
        if method is None:
            self._observe(UNKNOWN, ErrorCode.METHOD_NOT_FOUND.kind, 0.0)
            result: Any = ErrorResult(
                ErrorCode.METHOD_NOT_FOUND, "Method not found", self._near(request.method)
            )
        else:
            found = await make_call(request, context, method)
            result = getattr(found, "_error", None) or found._value
        if request.id is NOID:
            return None
        if isinstance(result, ErrorResult):
            return failure_bytes(request.id, result.code, result.message, result.data)
        return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (result.result, encode(request.id))

    def _near(self, name: str) -> ErrorData | None:
        """A hint for a mistyped method; nothing, as the specification's examples have it, where none is near."""
        # A name may be megabytes long, and to compare it takes as long as it is.
        near = get_close_matches(name, self._methods, n=1, cutoff=0.75) if len(name) < NAME_LIMIT else []
        if not near:
            return None
        return ErrorData(kind=ErrorCode.METHOD_NOT_FOUND.kind, hint=f"did you mean {near[0]!r}?")


def _nobody(method: str, outcome: str, seconds: float) -> None:
    """Observes nothing."""


def _guarded(name: str, method: Method, observe: Observe) -> Callable[..., Awaitable[Any]]:
    """*method* as jsonrpcserver calls it: takes any parameters, never raises, its result already encoded."""

    async def call(context: object, /, *args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        outcome = "cancelled"
        try:
            result = Success(msgspec.Raw(encode(await method(context, list(args) if args else kwargs))))
            outcome = "ok"
            return result
        except Exception as error:
            failure = failure_from(error, during=name)
            outcome = failure.code.kind
            return Error(int(failure.code), failure.message, failure.data)
        finally:
            observe(name, outcome, time.monotonic() - began)

    return call

"""Runs the calls of one body: jsonrpcserver dispatches each, this module bounds and words what it does.

jsonrpcserver's dispatcher gets one parsed element at a time, with nothing left for it to parse or validate, and
functions that never raise: as it is shipped one bad entry spoils a batch, a batch runs without bound,
and exception texts reach the caller.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from host.gateway.envelope import (
    Call,
    EnvelopeLimits,
    Refusal,
    encode,
    read_body,
    refusal_bytes,
)
from host.gateway.failure import failure_from
from plugin_sdk.contract.errors import ErrorCode, ErrorData

with warnings.catch_warnings():
    # It reads its schema with a function that Python has deprecated; nothing we could do differently.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    from jsonrpcserver import Error, Success
    from jsonrpcserver.async_dispatcher import dispatch_request
    from jsonrpcserver.dispatcher import create_request, to_response
    from jsonrpcserver.response import to_serializable
    from jsonrpcserver.sentinels import NOID

Method = Callable[[Any, Any], Awaitable[object]]
"""`await method(context, params)`: *params* is the member as sent, an object or a list; `{}` when absent."""

Observe = Callable[[str, str, float], None]

LARGE_BYTES = 256 * 1024
NAME_LIMIT = 100  # characters; no method's name is near a longer one
UNKNOWN = "(unknown)"  # a method that does not exist, in figures: callers may make up any number of names


class _AnyParams(inspect.Signature):
    """What every function here takes. jsonrpcserver would otherwise inspect and bind at each call, half its cost."""

    def bind(self, /, *args: Any, **kwargs: Any) -> inspect.BoundArguments:
        return _NOTHING_BOUND  # only whether it can be bound is asked, and it always can


_ANY_PARAMS = _AnyParams(
    [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY),
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
_NOTHING_BOUND = inspect.BoundArguments(_ANY_PARAMS, OrderedDict())


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
        # What its own front does around this (parse, validate, gather what there is of a batch) is done already.
        request, result = await dispatch_request(self._methods, context, create_request(entry.element))
        if request.id is NOID:
            return None
        response: Any = to_serializable(to_response(request, result))
        error = response.get("error")
        # Its own data for an unknown method is the name, a text; ours is never a text.
        if (
            error is not None
            and error["code"] == ErrorCode.METHOD_NOT_FOUND
            and isinstance(error["data"], str)
        ):
            del error["data"]
            self._observe(UNKNOWN, ErrorCode.METHOD_NOT_FOUND.kind, 0.0)
            if (near := self._near(entry.element["method"])) is not None:
                error["data"] = near
        return encode(response)

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

    call.__signature__ = _ANY_PARAMS  # type: ignore[attr-defined]
    return call

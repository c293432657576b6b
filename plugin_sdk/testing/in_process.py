"""A plugin's object behind a channel, in this process and on this thread, so that a debugger sees the author's code.

What is asked passes through the protocol's encoding both ways, as with a process.
"""

from __future__ import annotations

import contextlib
import io
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from plugin_sdk.context import Call
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import InitializeParams
from plugin_sdk.entry import Entry
from plugin_sdk.failures import HandlerError, NotInitializedError, ParamsError, describe_failure
from plugin_sdk.handlers import Handlers
from plugin_sdk.protocol.connection import Connection, Role
from plugin_sdk.protocol.events import Junk, RequestReceived
from plugin_sdk.protocol.wire import encode_json
from plugin_sdk.runner.seeding import seed_random
from plugin_sdk.testing.channel import EndedError

_decode_initialize = msgspec.json.Decoder(InitializeParams).decode


class InProcessChannel:
    """Satisfies `Channel`. Everything is answered before `send` returns.

    Attributes:
        raised: The last exception that the author's code raised.
        printed: What was written to `sys.stdout` meanwhile.
    """

    def __init__(self, plugin: Any) -> None:
        """Args:
        plugin: What a manifest's `entry` would name: a class, a factory or an instance.
        """
        self.raised: BaseException | None = None
        self.printed = ""
        self._entry = Entry(plugin, getattr(plugin, "__qualname__", type(plugin).__qualname__))
        self._connection = Connection(Role.PLUGIN)
        self._handlers: Handlers | None = None
        self._lines: deque[bytes] = deque()
        self._tracing = False

    @property
    def target(self) -> Any:
        """The object that serves now; `None` before `initialize`."""
        return None if self._handlers is None else self._handlers.target

    def send(self, line: bytes, timeout_s: float = 20.0) -> None:
        """See `Channel`."""
        for event in self._connection.receive(line):
            if isinstance(event, RequestReceived):
                self._lines.append(self._answered(event))
            elif isinstance(event, Junk) and event.code is not None:
                self._lines.append(self._connection.error(None, event.code, event.why))

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Channel`. What is not there now never comes."""
        if not self._lines:
            raise EndedError("it gave no answer")
        return self._lines.popleft()

    def close_input(self) -> None:
        """See `Channel`."""

    def wait_exit(self, timeout_s: float) -> str | None:
        """See `Channel`."""
        return None

    def kill(self) -> None:
        """See `Channel`."""
        self._handlers = None
        if self._tracing:
            self._tracing = False
            tracemalloc.stop()

    def pid(self) -> int | None:
        """See `Channel`."""
        return None

    def held_bytes(self) -> int | None:
        """See `Channel`. What Python's objects take that were made since this was first asked."""
        if not tracemalloc.is_tracing():
            tracemalloc.start()
            self._tracing = True
        return tracemalloc.get_traced_memory()[0]

    def log(self) -> list[str]:
        """See `Channel`."""
        return self.printed.splitlines()[-20:]

    def _answered(self, request: RequestReceived) -> bytes:
        call = Call(request.id, request.method, request.params, time.monotonic())
        try:
            with self._listening():
                return self._connection.result(request.id, self._result(call))
        except Exception as error:
            if not isinstance(error, HandlerError) or error.__cause__ is not None:
                self.raised = error
            code, message, data = describe_failure(error)
            return self._connection.error(request.id, ErrorCode(code), message, data)

    def _result(self, call: Call) -> bytes:
        if call.method == "ping":
            return b"{}"
        if call.method == "initialize":
            try:
                params = _decode_initialize(call.params if call.params is not None else b"{}")
            except msgspec.DecodeError as error:
                raise ParamsError(f"the parameters of initialize cannot be read: {error}") from error
            seed_random(params.seed)
            self._handlers = Handlers(self._entry, params)
            return encode_json(self._handlers.initialized())
        if self._handlers is None:
            raise NotInitializedError(f"{call.method} came before initialize; send initialize first")
        if call.method == "shutdown":
            self._handlers.shutdown()
            return b"{}"
        return self._handlers.answer(call)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Notes what is printed, and lets it through."""
        import sys

        through, heard = sys.stdout, io.StringIO()

        class Both(io.TextIOBase):
            def write(self, text: str) -> int:
                heard.write(text)
                return through.write(text)

            def flush(self) -> None:
                through.flush()

        sys.stdout = Both()
        try:
            yield
        finally:
            sys.stdout = through
            self.printed += heard.getvalue()

"""The call being answered, as the author's code may see it: how long is left, whether anyone still waits."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable

import msgspec

from plugin_sdk.contract.messages import Meta, ProgressParams
from plugin_sdk.failures import LateError


class Call(msgspec.Struct, gc=False):
    """A request on its way through the plugin. Written by whoever reads the wire, read by whoever answers.

    Fields:
        arrived, deadline: Seconds on `time.monotonic()`.
        cancelled: Set, once, from another thread.
        send_progress: Sends a `$/progress` notification.
    """

    id: int | str
    method: str
    params: msgspec.Raw | bytes | None
    arrived: float
    cancelled: bool = False
    deadline: float | None = None
    progress_token: str | int | None = None
    send_progress: Callable[[ProgressParams], None] | None = None

    def begin(self, meta: Meta) -> None:
        """Takes in what travelled with the call.

        Raises:
            LateError: Its deadline has passed already.
        """
        self.progress_token = meta.progress_token
        if meta.deadline_ms is not None:
            self.deadline = self.arrived + meta.deadline_ms / 1000.0
            if time.monotonic() >= self.deadline:
                raise LateError(
                    f"the deadline of {meta.deadline_ms:g} ms passed before {self.method} was begun"
                )


CURRENT: contextvars.ContextVar[Call | None] = contextvars.ContextVar("plugin_sdk.call", default=None)


class CallContext:
    """What a handler may ask about the call it answers.

    Taken as a parameter named `context`, or got by `CallContext.current()`. Outside of a call there is no
    deadline and nobody cancels, so that the same code runs in an author's own script.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call | None) -> None:
        self._call = call

    @classmethod
    def current(cls) -> CallContext:
        """The call that this thread (or task) is answering."""
        return cls(CURRENT.get())

    @property
    def cancelled(self) -> bool:
        """Whether the caller no longer waits; whatever is returned now is thrown away."""
        return self._call is not None and self._call.cancelled

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the deadline, 0 when it has passed; `None` without one."""
        if self._call is None or self._call.deadline is None:
            return None
        return max(self._call.deadline - time.monotonic(), 0.0)

    @property
    def should_stop(self) -> bool:
        """Cancelled, or the deadline has passed: the question for a loop's head."""
        return self.cancelled or self.remaining_s == 0.0

    def progress(self, fraction: float | None = None, message: str | None = None) -> None:
        """Tells the host how far the work is, if it asked to be told.

        Args:
            fraction: Done, in [0, 1].
        """
        call = self._call
        if call is not None and call.progress_token is not None and call.send_progress is not None:
            call.send_progress(ProgressParams(call.progress_token, fraction, message))

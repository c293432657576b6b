"""What can go wrong while a call is answered, and the error the host is told for it."""

from __future__ import annotations

from typing import ClassVar

from plugin_sdk.contract.errors import ErrorCode, ErrorData

_TEXT_LIMIT = 2000  # characters of an exception's text that go over the wire


class HandlerError(Exception):
    """The SDK itself declines; its text was written for readers."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR


class ParamsError(HandlerError):
    """The host's parameters do not fit the method."""

    code = ErrorCode.INVALID_PARAMS


class LateError(HandlerError):
    """The deadline passed before the work was begun."""

    code = ErrorCode.DEADLINE_EXCEEDED


class CancelledCallError(HandlerError):
    """The caller no longer waits."""

    code = ErrorCode.CANCELLED


class BadResultError(HandlerError):
    """The author's code returned what cannot be sent."""

    code = ErrorCode.BAD_RESULT


class ResultTooLargeError(HandlerError):
    """The answer is over the frame limit the host named."""

    code = ErrorCode.FRAME_TOO_LARGE


class MissingCapabilityError(HandlerError):
    """The plugin does not have this method of the protocol."""

    code = ErrorCode.CAPABILITY_MISSING


class UnknownMethodError(HandlerError):
    """The protocol does not have this method."""

    code = ErrorCode.METHOD_NOT_FOUND


class NotInitializedError(HandlerError):
    """Something was asked before `initialize`."""

    code = ErrorCode.NOT_INITIALIZED


class DrainingError(HandlerError):
    """The plugin is on its way out."""

    code = ErrorCode.DRAINING


class RepeatedInitializeError(HandlerError):
    """`initialize` came twice."""

    code = ErrorCode.INVALID_REQUEST


class UnsupportedVersionError(HandlerError):
    """No protocol version is spoken by both sides."""

    code = ErrorCode.UNSUPPORTED_VERSION


class EntryError(HandlerError):
    """The plugin's entry cannot be loaded or made. `cause` holds the last lines of the traceback."""

    code = ErrorCode.PLUGIN_ERROR

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause


def describe_failure(error: BaseException) -> tuple[ErrorCode, str, ErrorData]:
    """The code, the message and the data an exception is answered with.

    The text of an author's exception goes to the log whole; the host shows callers one line of it.
    """
    if isinstance(error, HandlerError):
        code, message = error.code, str(error)
    else:
        code = ErrorCode.OUT_OF_MEMORY if isinstance(error, MemoryError) else ErrorCode.PLUGIN_ERROR
        text = _text(error)
        message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    cause = error.cause if isinstance(error, EntryError) else None
    return code, message[:_TEXT_LIMIT], ErrorData(kind=code.kind, cause=cause)


def is_authors(error: BaseException) -> bool:
    """Whether it came out of the author's code, so that its traceback belongs in the log."""
    return not isinstance(error, HandlerError)


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an author's __str__ may do anything
        return ""
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate cannot be sent

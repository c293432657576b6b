"""Errors some caller acts on, by who is at fault: the operator, a plugin, or the caller."""

from __future__ import annotations

from typing import Any

from plugin_sdk.contract.errors import ErrorCode, ErrorData

WORDS_LIMIT = 300  # characters of a plugin's own words that are passed on


def plain_words(words: str, limit: int = WORDS_LIMIT) -> str:
    """A plugin's own words, fit to stand in a message: on one line, without control characters, cut short."""
    plain = "".join(each if each.isprintable() else " " for each in words[: limit + 1])
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


class EngineOpsError(Exception):
    """Base of every error this host raises on purpose; its text is written for readers."""

    code: ErrorCode = ErrorCode.INTERNAL_ERROR
    retryable = False

    def data(self) -> ErrorData:
        """The error's `data` member on the wire."""
        return ErrorData(kind=self.code.kind, retryable=self.retryable)


class ConfigError(EngineOpsError):
    """The operator's: a setting, a folder or a file cannot be used as it is. Exit code 2."""

    code = ErrorCode.INVALID_PARAMS


class RequestError(EngineOpsError):
    """The caller's: the request cannot be used as it is."""

    code = ErrorCode.INVALID_PARAMS

    def __init__(
        self, message: str, *, path: str | None = None, value: Any = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.value = value
        self.hint = hint

    def data(self) -> ErrorData:
        return ErrorData(kind=self.code.kind, path=self.path, value=self.value, hint=self.hint)


class NotFoundError(RequestError):
    """The thing that was named does not exist."""

    code = ErrorCode.NOT_FOUND


class NoAnswerError(RequestError):
    """Nobody could answer, and no built-in stands in for this type."""

    code = ErrorCode.NO_ANSWER


class BusyError(EngineOpsError):
    """The host has more to do than it can do in time; what was asked was not begun."""

    code = ErrorCode.BUSY
    retryable = True

    def __init__(self, message: str, *, retry_after_ms: float) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms

    def data(self) -> ErrorData:
        return ErrorData(kind=self.code.kind, retryable=True, retry_after_ms=self.retry_after_ms)


class PluginError(EngineOpsError):
    """A plugin's: what became of one call or one process of it.

    Attributes:
        plugin: `name` of the plugin.
        reason: A short phrase for `candidates[].reason` and logs; the plugin's own words in it are `plain_words`.
    """

    code = ErrorCode.PLUGIN_ERROR
    retryable = True

    def __init__(self, plugin: str, reason: str, *, cause: str | None = None) -> None:
        super().__init__(f"plugin {plugin}: {reason}")
        self.plugin = plugin
        self.reason = reason
        self.cause = cause

    def data(self) -> ErrorData:
        return ErrorData(
            kind=self.code.kind, plugin=self.plugin, retryable=self.retryable, cause=self.cause or self.reason
        )


class CallLateError(PluginError):
    """The call's deadline passed without an answer."""

    code = ErrorCode.DEADLINE_EXCEEDED


class PluginGoneError(PluginError):
    """The process ended, or was never up, while the call was open."""

    code = ErrorCode.PLUGIN_CRASHED


class PluginBusyError(PluginError):
    """Its calls in flight and its queue are full."""

    code = ErrorCode.OVERLOADED


class CircuitOpenError(PluginError):
    """It kept failing at this method, so it is not asked for a while.

    Attributes:
        retry_after_s: Until it may be asked again; 0 while one call tries it out.
    """

    code = ErrorCode.CIRCUIT_OPEN

    def __init__(self, plugin: str, reason: str, retry_after_s: float) -> None:
        super().__init__(plugin, reason)
        self.retry_after_s = retry_after_s

    def data(self) -> ErrorData:
        said = super().data()
        said.retry_after_ms = round(self.retry_after_s * 1000.0)
        return said


class BadResultError(PluginError):
    """It answered something that is not an answer."""

    code = ErrorCode.BAD_RESULT
    retryable = False


class CapabilityMissingError(PluginError):
    """It does not do what it was asked, and said so at its start."""

    code = ErrorCode.CAPABILITY_MISSING
    retryable = False


class RemoteError(PluginError):
    """It answered with a JSON-RPC error object."""

    def __init__(self, plugin: str, remote_code: int, reason: str) -> None:
        super().__init__(plugin, reason)
        self.remote_code = remote_code

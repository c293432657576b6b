"""What can go wrong with history, by who can act on it."""

from __future__ import annotations

from host.errors import ConfigError, EngineOpsError, RequestError
from plugin_sdk.contract.errors import ErrorCode


class HistoryInUseError(ConfigError):
    """Another host writes to the folder."""


class HistoryUnavailableError(EngineOpsError):
    """The operator's: points cannot be kept now, so none were acknowledged. Optimizing goes on without."""

    code = ErrorCode.UNAVAILABLE
    retryable = True


class StatesUnavailableError(EngineOpsError):
    """The operator's: what plugins saved cannot be read, or not be changed, now."""

    code = ErrorCode.UNAVAILABLE
    retryable = True


class HistoryBusyError(EngineOpsError):
    """More points wait to be written than may; the same call may succeed later."""

    code = ErrorCode.OVERLOADED
    retryable = True


class KeyReusedError(RequestError):
    """The caller's: an idempotency key that stands for other points."""

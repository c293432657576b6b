"""What can go wrong with history, by who can act on it."""

from __future__ import annotations

from host.errors import ConfigError, EngineOpsError, RequestError
from plugin_sdk.contract.errors import ErrorCode


class HistoryInUseError(ConfigError):
    """Another host writes to the folder."""


class HistoryUnavailableError(EngineOpsError):
    """The operator's: points, or states of plugins, cannot be kept or read now. What was not kept was not acknowledged;
    optimizing goes on without."""

    code = ErrorCode.UNAVAILABLE
    retryable = True


class KeyReusedError(RequestError):
    """The caller's: an idempotency key that stands for other points."""

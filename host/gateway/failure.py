"""Whatever was raised, as the one error the caller sees: a code, a sentence and data; never an exception's own text."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

import msgspec

from host.errors import EngineOpsError
from host.gateway.envelope import fit_value
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.errors import ErrorCode, ErrorData

log = logging.getLogger(__name__)

# Characters: a caller may name a member with megabytes, and an error does not send them back.
PATH_SHOWN = 200
TEXT_SHOWN = 2000


# For errors that come without one of their own.
HINTS: Mapping[ErrorCode, str] = {
    ErrorCode.NO_ANSWER: "plugins.list says which plugins handle this type and how they stand; give the request more time "
    "where they were late, and record outcomes where they are not trained",
    ErrorCode.NOT_FOUND: "plugins.list names those that are there",
    ErrorCode.DEADLINE_EXCEEDED: "allow more time; plugins.get says how long the plugin takes",
    ErrorCode.PLUGIN_CRASHED: "try again when plugins.get says that it is ready, and why it is not",
    ErrorCode.PLUGIN_ERROR: "plugins.logs has what the plugin wrote",
    ErrorCode.BAD_RESULT: "plugins.logs has what the plugin wrote; its author's tool is engine-ops plugin check",
    ErrorCode.PROTOCOL_VIOLATION: "its author's tool is engine-ops plugin check",
    ErrorCode.CAPABILITY_MISSING: "plugins.get lists the capabilities of the plugin; ask for one of those",
    ErrorCode.CIRCUIT_OPEN: "try again after retryAfterMs; plugins.get says what it failed at",
    ErrorCode.OVERLOADED: "try again in a moment, with fewer calls at once",
    ErrorCode.BUSY: "try again after retryAfterMs",
    ErrorCode.UNAVAILABLE: "try again later; host.health says what is wrong",
    ErrorCode.FORBIDDEN: "use a token of a higher role",
}


class Failure(msgspec.Struct, frozen=True):
    """An error fit to be sent, whatever carries it."""

    code: ErrorCode
    message: str
    data: ErrorData


def failure_from(error: Exception, *, during: str) -> Failure:
    """The failure to send for *error*; one that nobody raised on purpose is logged here, once.

    Args:
        during: The method or route that failed, for the log.
    """
    if isinstance(error, ProblemError):
        return _problem(error)
    if isinstance(error, EngineOpsError):
        data = error.data()
        data.value = fit_value(data.value)
        data.hint = data.hint or HINTS.get(error.code)
        return Failure(error.code, str(error)[:TEXT_SHOWN], data)
    error_id = secrets.token_hex(6)
    log.error("gateway.internal_error", exc_info=error, extra={"error_id": error_id, "during": during})
    code = ErrorCode.INTERNAL_ERROR
    hint = f"this is a fault of the host; its log says more under error_id {error_id}"
    return Failure(code, "internal error", ErrorData(kind=code.kind, hint=hint))


def entry_from(error: Exception, *, during: str) -> dict[str, object]:
    """`{error: {code, message, data}}`: what stands in the place of one result of many."""
    failure = failure_from(error, during=during)
    return {"error": {"code": int(failure.code), "message": failure.message, "data": failure.data}}


def _problem(error: ProblemError) -> Failure:
    code = ErrorCode.INVALID_PARAMS
    data = ErrorData(
        kind=code.kind,
        path=error.path[:PATH_SHOWN] or None,
        value=fit_value(error.value),
        hint=f"give {error.expected}",
    )
    return Failure(code, str(error)[:TEXT_SHOWN], data)

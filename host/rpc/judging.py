"""What the end of a call says of the plugin, to the circuit breaker of its method."""

from __future__ import annotations

from host.errors import CallLateError, CircuitOpenError, PluginError, RemoteError
from host.rpc.breaker import CircuitBreaker
from plugin_sdk.contract.errors import ErrorCode


def judge(
    breaker: CircuitBreaker, ticket: int, error: BaseException, given_s: float | None, now: float
) -> None:
    """Tells *breaker* of a call that was not answered; *given_s* is `None` for one that was never sent."""
    unfair = isinstance(error, CallLateError) and (given_s or 0.0) < breaker.policy.fair_s
    if isinstance(error, RemoteError) and error.remote_code == ErrorCode.INVALID_PARAMS:
        breaker.succeeded(ticket, now)  # it did its part: the caller's question was wrong
    elif given_s is None or unfair or not isinstance(error, PluginError):
        breaker.cancelled(ticket, now)
    else:
        breaker.failed(ticket, now, error.reason)


def refusal(plugin: str, breaker: CircuitBreaker, now: float) -> CircuitOpenError:
    """What a caller is told while *breaker* lets no call through."""
    wait_s = max(0.0, breaker.retry_at - now)
    until = f"it is asked again in {wait_s:.1f} s" if wait_s else "one call is trying it out"
    return CircuitOpenError(plugin, f"its circuit is open: {breaker.why}; {until}", wait_s)

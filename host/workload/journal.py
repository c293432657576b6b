"""Turns a request and its answer into a point of history, without making anybody wait for it."""

from __future__ import annotations

import contextlib
from typing import Any

from host.clock import Clock
from host.workload.drift.watch import DriftWatch
from host.workload.exam import predicted
from host.workload.history import History
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint


class Journal:
    """What the engine writes to: every request with its result becomes a point.

    It is handed over and not waited for; when too many wait to be written, it is let go and counted.
    """

    def __init__(self, history: History, clock: Clock, drift: DriftWatch | None = None) -> None:
        self._history = history
        self._clock = clock
        self._drift = drift

    def size(self) -> int:
        """Points kept now."""
        return len(self._history)

    def record(self, request: OptimizeRequest, answer: Answer) -> None:
        """Keeps one finished request. Its duration is the time the decision took."""
        if self._drift is not None and answer.success and isinstance(answer.result, dict):
            prediction = answer.result.get("prediction")
            if prediction is not None and (expected := predicted("duration", prediction)) is not None:
                self._drift.expect(request.id, expected)
        self._history.journal(
            WorkloadDataPoint(
                timestamp=self._clock.wall_ms(),
                request_type=request.type,
                resource_usage=_usage(request.data, answer),
                duration=float(answer.metrics.duration_ms),
                success=answer.success,
                metadata={
                    "source": "request",
                    "requestId": request.id,
                    "score": answer.metrics.score,
                    "decidedBy": answer.decided_by,
                },
                request_id=request.id,
            )
        )


def _usage(data: dict[str, Any], answer: Answer) -> dict[str, float]:
    """As the seed's collector: the capacity that was asked about, and the score."""
    capacity = data.get("nodeCapacity")
    usage: dict[str, float] = {}
    for name, value in capacity.items() if isinstance(capacity, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            with contextlib.suppress(OverflowError):  # an integer larger than any float; it was refused
                usage[name] = float(value)
    if answer.metrics.score:
        usage["score"] = answer.metrics.score
    return usage

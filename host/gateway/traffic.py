"""Counts what the front door was asked, for `/api/v1/metrics`."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from host.gateway.api import HostApi
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest

Listener = Callable[[OptimizeRequest, Answer, float], None]

A_TURN = 64  # of many requests, looked at in one turn of the event loop: others come in between


@dataclass(slots=True)
class Traffic:
    """Well-formed optimize requests since the start, over every route.

    Attributes:
        in_flight: Being answered now.
        cancelled: Whose caller went away.
        busy_ms: Summed over those that ended, milliseconds each was worked on.
        listeners: Told of each request that was answered: it, its answer, and seconds. They must not block.
    """

    total: int = 0
    succeeded: int = 0
    cancelled: int = 0
    in_flight: int = 0
    busy_ms: float = 0.0
    listeners: list[Listener] = field(default_factory=list)
    by_type: Counter[str] = field(default_factory=Counter)
    latest_ms: deque[float] = field(default_factory=lambda: deque(maxlen=1024))

    def _tell(self, request: OptimizeRequest, answer: Answer, seconds: float) -> None:
        self.latest_ms.append(seconds * 1000.0)
        self.by_type[request.type] += 1
        for each in self.listeners:
            each(request, answer, seconds)

    def quantile_ms(self, q: float) -> float:
        """Of the latest durations; 0 before the first."""
        ordered = sorted(self.latest_ms)
        return ordered[max(0, math.ceil(len(ordered) * q) - 1)] if ordered else 0.0

    async def optimize(self, api: HostApi, request: OptimizeRequest) -> Answer:
        """`api.optimize`, counted."""
        began = time.monotonic()
        self.total += 1
        self.in_flight += 1
        try:
            answer = await api.optimize(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            seconds = time.monotonic() - began
            self.in_flight -= 1
            self.busy_ms += seconds * 1000.0
        self.succeeded += answer.success
        self._tell(request, answer, seconds)
        return answer

    async def optimize_many(
        self, api: HostApi, requests: Sequence[OptimizeRequest], read_s: float
    ) -> Sequence[Answer | Exception]:
        """`api.optimize_many`, counted as so many requests."""
        began = time.monotonic()
        self.total += len(requests)
        self.in_flight += len(requests)
        succeeded = 0
        try:
            outcomes = await api.optimize_many(requests, read_s)
            succeeded = sum(isinstance(each, Answer) and each.success for each in outcomes)
            for at, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
                if isinstance(outcome, Answer):
                    self._tell(request, outcome, outcome.metrics.duration_ms / 1000.0)
                if at % A_TURN == 0:
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += len(requests)
            raise
        finally:
            self.in_flight -= len(requests)
            self.succeeded += succeeded
            self.busy_ms += (time.monotonic() - began) * 1000.0
        return outcomes

    def to_dict(self) -> dict[str, float]:
        ended = self.total - self.in_flight
        return {
            "total": self.total,
            "succeeded": self.succeeded,
            "failed": ended - self.succeeded - self.cancelled,
            "cancelled": self.cancelled,
            "inFlight": self.in_flight,
            "avgDurationMs": self.busy_ms / ended if ended else 0.0,
        }

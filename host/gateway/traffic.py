"""Counts what the front door was asked, for `/api/v1/metrics`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from host.gateway.api import HostApi
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest


@dataclass(slots=True)
class Traffic:
    """Well-formed optimize requests since the start, over every route.

    Attributes:
        in_flight: Being answered now.
        cancelled: Whose caller went away.
        busy_ms: Summed over those that ended, milliseconds each was worked on.
    """

    total: int = 0
    succeeded: int = 0
    cancelled: int = 0
    in_flight: int = 0
    busy_ms: float = 0.0

    async def optimize(self, api: HostApi, request: OptimizeRequest) -> Answer:
        """`api.optimize`, counted."""
        began = time.monotonic()
        self.total += 1
        self.in_flight += 1
        succeeded = False
        try:
            answer = await api.optimize(request)
            succeeded = answer.success
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
            self.succeeded += succeeded
            self.busy_ms += (time.monotonic() - began) * 1000.0
        return answer

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

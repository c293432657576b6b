"""One point of workload history: what was asked or run, what it used, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

REQUEST_TYPES = ("resource", "scheduling", "performance", "ml-driven")


class WorkloadDataPoint(msgspec.Struct, rename="camel"):
    """What happened once.

    Fields:
        timestamp: Milliseconds since the epoch (or of the trace's own clock), when it began.
        request_type: One of `REQUEST_TYPES`, or a caller's own word.
        resource_usage: Amount by resource name, in the caller's units.
        duration: Milliseconds, >= 0.
        success: Whether it ended well.
        metadata: Free; said afterwards.
        features: Known beforehand, so that a model may learn from them without seeing the future.
        request_id: The `engine.optimize` request this is the outcome of, if any.
    """

    timestamp: float
    request_type: str
    resource_usage: dict[str, float]
    duration: float
    success: bool
    metadata: dict[str, Any] | None = msgspec.field(default_factory=dict)
    features: dict[str, Any] = msgspec.field(default_factory=dict)
    request_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The point as the seed's clients write it: camelCase, the optional members only when set."""
        point: dict[str, Any] = {
            "timestamp": self.timestamp,
            "requestType": self.request_type,
            "resourceUsage": self.resource_usage,
            "duration": self.duration,
            "success": self.success,
            "metadata": self.metadata or {},
        }
        if self.features:
            point["features"] = self.features
        if self.request_id is not None:
            point["requestId"] = self.request_id
        return point

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WorkloadDataPoint:
        """Reads camelCase, and snake_case as Python callers of the seed wrote it.

        Raises:
            KeyError: `timestamp`, `duration` or `success` is missing.
        """
        return cls(
            timestamp=data["timestamp"],
            request_type=data.get("requestType", data.get("request_type", "")),
            resource_usage=data.get("resourceUsage", data.get("resource_usage", {})),
            duration=data["duration"],
            success=data["success"],
            metadata=data.get("metadata"),
            features=data.get("features") or {},
            request_id=data.get("requestId", data.get("request_id")),
        )

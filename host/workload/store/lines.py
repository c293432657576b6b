"""A point as it is kept: one line of JSON, in the form of `WorkloadDataPoint.to_dict`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from host.errors import RequestError
from plugin_sdk.contract.workload import WorkloadDataPoint


class _Line(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    timestamp: float
    request_type: str
    resource_usage: dict[str, float]
    duration: float
    success: bool
    metadata: dict[str, Any]
    features: dict[str, Any] = {}
    request_id: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WorkloadDataPoint).decode


def encode_lines(points: Sequence[WorkloadDataPoint]) -> list[bytes]:
    """Each point as a line, without the line feed."""
    return [
        _encode(
            _Line(
                point.timestamp,
                point.request_type,
                point.resource_usage,
                point.duration,
                point.success,
                point.metadata or {},
                point.features,
                point.request_id,
            )
        )
        for point in points
    ]


def decode_line(line: bytes | msgspec.Raw) -> WorkloadDataPoint:
    """The point that a line was made of."""
    return _decode(line)


def check_points(points: Sequence[WorkloadDataPoint]) -> None:
    """Whether the points can be kept, which their types alone do not say.

    Raises:
        RequestError: One cannot; says which, and what would be right.
    """
    finite = math.isfinite
    for at, point in enumerate(points):
        if not finite(point.timestamp):
            raise _refused(at, "timestamp", point.timestamp, "milliseconds since the epoch")
        if not (finite(point.duration) and point.duration >= 0):
            raise _refused(at, "duration", point.duration, "milliseconds, 0 or more")
        if not point.request_type:
            raise _refused(at, "requestType", point.request_type, "a request type such as 'scheduling'")
        for name, amount in point.resource_usage.items():
            if not finite(amount):
                raise _refused(at, f"resourceUsage.{name}", amount, "a finite number")


def _refused(at: int, member: str, value: object, expected: str) -> RequestError:
    path = f"points[{at}].{member}"
    return RequestError(
        f"{path} is {value!r}; give {expected}", path=path, value=str(value), hint=f"give {expected}"
    )

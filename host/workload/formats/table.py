"""A point as one row of a table, and back.

Columns: the members of a point; `resourceUsage.NAME` and `features.NAME` for each name; and `metadata`, as JSON.
A feature's column has one kind over all points, which is why they are all looked at before the first is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from plugin_sdk.contract.workload import WorkloadDataPoint

Kind = Literal["int", "float", "bool", "text", "json"]
MEMBERS: dict[str, Kind] = {
    "timestamp": "float",
    "requestType": "text",
    "duration": "float",
    "success": "bool",
    "requestId": "text",
}
USAGE, FEATURE, METADATA = "resourceUsage.", "features.", "metadata"
_INT64 = 2**63
_encode, _decode = msgspec.json.Encoder(), msgspec.json.Decoder()


class Shape:
    """Which columns there are, gathered from every point."""

    def __init__(self) -> None:
        self._usage: set[str] = set()
        self._features: dict[str, Kind] = {}

    def see(self, point: WorkloadDataPoint) -> None:
        """Takes the point's names and the kinds of its features into account."""
        self._usage.update(point.resource_usage)
        for name, value in point.features.items():
            if value is not None:
                kind, before = _kind(value), self._features.get(name)
                self._features[name] = kind if before in (None, kind) else _common(before, kind)

    def columns(self) -> dict[str, Kind]:
        """Every column, in its order, with its kind."""
        columns: dict[str, Kind] = dict(MEMBERS)
        columns |= {USAGE + name: "float" for name in sorted(self._usage)}
        columns |= {FEATURE + name: self._features[name] for name in sorted(self._features)}
        columns[METADATA] = "json"
        return columns


def to_row(point: WorkloadDataPoint, columns: Mapping[str, Kind]) -> dict[str, Any]:
    """The point's cells; what it does not have is `None`, and what is of kind `json` is JSON text."""
    row: dict[str, Any] = {
        "timestamp": point.timestamp,
        "requestType": point.request_type,
        "duration": point.duration,
        "success": point.success,
        "requestId": point.request_id,
        METADATA: _encode.encode(point.metadata).decode() if point.metadata else None,
    }
    for name, amount in point.resource_usage.items():
        row[USAGE + name] = amount
    for name, value in point.features.items():
        column = FEATURE + name
        if column not in columns:  # `None` in every point
            continue
        if columns[column] == "json" and value is not None:
            value = _encode.encode(value).decode()
        row[column] = float(value) if columns[column] == "float" and value is not None else value
    return {name: row.get(name) for name in columns}


def from_row(row: Mapping[str, Any]) -> WorkloadDataPoint:
    """The point of a row of typed cells.

    Raises:
        ValueError: A cell is missing, or cannot be what its column says.
    """
    point: dict[str, Any] = {"resourceUsage": {}, "features": {}, "metadata": {}}
    for name, value in row.items():
        if value is None:
            continue
        if name == METADATA:
            point["metadata"] = from_json(value)
        elif name.startswith(USAGE):
            point["resourceUsage"][name.removeprefix(USAGE)] = value
        elif name.startswith(FEATURE):
            point["features"][name.removeprefix(FEATURE)] = value
        elif name in MEMBERS:
            point[name] = value
        else:
            some = ", ".join((*MEMBERS, METADATA, USAGE + "NAME", FEATURE + "NAME"))
            raise ValueError(f"there is a column {name!r}; the columns of a history are {some}")
    return msgspec.convert(point, WorkloadDataPoint)


def from_json(text: Any) -> Any:
    """What a JSON text says."""
    return _decode.decode(text) if isinstance(text, str | bytes) else text


def _kind(value: Any) -> Kind:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_INT64 <= value < _INT64 else "json"
    if isinstance(value, float):
        return "float"
    return "text" if isinstance(value, str) else "json"


def _common(one: Kind | None, other: Kind) -> Kind:
    return "float" if {one, other} == {"int", "float"} else "json"

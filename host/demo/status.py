"""What is shown of a plugin, read from `plugins.list` and `plugins.get` with nothing taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PluginStatus:
    """One plugin now. `None` is shown as a dash."""

    name: str
    version: str
    state: str
    calls: int
    failures: int
    p50_ms: float | None
    p99_ms: float | None
    memory_bytes: int | None
    restarts: int
    trained_points: int
    predicts: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> PluginStatus:
        return cls(
            name=str(row.get("name", "?")),
            version=str(row.get("version", "?")),
            state=str(row.get("state", "?")),
            calls=_whole(row.get("calls")),
            failures=_whole(row.get("failures")),
            p50_ms=_number(row.get("p50Ms")),
            p99_ms=_number(row.get("p99Ms")),
            memory_bytes=_whole(row["memoryBytes"]) if _number(row.get("memoryBytes")) is not None else None,
            restarts=_whole(row.get("restarts")),
            trained_points=_whole(row.get("trainedPoints")),
            predicts="ml-driven" in (row.get("supportedTypes") or ()),
        )


def statuses(reply: Any) -> list[PluginStatus]:
    """The plugins in an answer to `plugins.list`, by name."""
    rows = reply.get("plugins") if isinstance(reply, dict) else reply
    found = [PluginStatus.of(row) for row in rows or [] if isinstance(row, Mapping)]
    return sorted(found, key=lambda each: each.name)


SETTLED = {"ready", "degraded", "backoff", "stopped", "quarantined"}  # states in which waiting is of no use


def all_settled(plugins: list[PluginStatus]) -> bool:
    """Whether each is up, or will not come up by itself."""
    return bool(plugins) and all(each.state.lower() in SETTLED for each in plugins)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int:
    return int(_number(value) or 0)

"""How much history is kept, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HistoryConfig:
    """Settings of the store.

    Attributes:
        points: Of each request type; the oldest make room.
        max_age_s: Points are dropped this long after they were recorded; 0 keeps them until `points` does.
        commit_ms: How long a point may wait for others to share its commit.
        requests_commit_ms: The same of the host's own requests, which nobody waits for.
        queued_points: Waiting to be written; over it, `workload.record` is refused for now.
        queued_requests: Of the host's own requests, waiting to be written; over it, they are counted and let go.
        lines_bytes: Of the newest points, kept in memory as they were recorded; older ones are read from disk.
        state_bytes: Of one saved state of a plugin; a larger one is not stored.
        state_versions: Of each plugin's saved states that are kept.
    """

    points: int = 10_000
    max_age_s: float = 0.0
    commit_ms: float = 10.0
    requests_commit_ms: float = 100.0
    queued_points: int = 200_000
    queued_requests: int = 20_000
    lines_bytes: int = 32 * 1024 * 1024
    state_bytes: int = 4 * 1024 * 1024
    state_versions: int = 3

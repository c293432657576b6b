"""What one plugin's calls came to, over all its processes."""

from __future__ import annotations

from dataclasses import dataclass, field

from host.telemetry.latency import LatencyWindow


@dataclass
class CallCounts:
    """Running totals. Read by status pages; written by the client alone."""

    calls: int = 0
    failures: int = 0
    late: int = 0
    cancelled: int = 0
    stray: int = 0
    junk: int = 0
    latency: LatencyWindow = field(default_factory=LatencyWindow)

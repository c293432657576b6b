"""What one plugin's calls came to, over all its processes."""

from __future__ import annotations

from dataclasses import dataclass, field

from host.telemetry.latency import LatencyWindow


@dataclass
class CallCounts:
    """Running totals. Read by status pages; written by the client alone.

    Attributes:
        late: Calls whose deadline passed first; `late_answers`: answers that came after it, and were dropped.
        stray: Answers to no call that is known, or to one a second time; dropped.
        junk: Lines that are no messages.
    """

    calls: int = 0
    failures: int = 0
    late: int = 0
    cancelled: int = 0
    late_answers: int = 0
    stray: int = 0
    junk: int = 0
    latency: LatencyWindow = field(default_factory=LatencyWindow)

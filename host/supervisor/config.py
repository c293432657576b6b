"""How plugins are found, replaced and stopped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeepingConfig:
    """Times in seconds.

    Attributes:
        rescan_s: Between two looks at the plugins directory without a notice.
        still_s: How long a changed folder must have been still before it is taken; one that was renamed into place is
            taken at once.
        spawns: Processes started at once, at most.
        drain_s: For the open calls of a version that another took the place of, or whose folder is gone.
        stop_gap_s: When the host stops: how long one plugin's end is waited for before the next is asked to end.
        stop_order_s: For all these gaps together; shared out where there are many plugins.
    """

    rescan_s: float = 5.0
    still_s: float = 1.0
    spawns: int = 4
    drain_s: float = 20.0
    stop_gap_s: float = 0.5
    stop_order_s: float = 3.0

"""What a user may choose about the demo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from host.errors import ConfigError

DEFAULT_JOBS = 2200  # about 45 s on 2 cores
DEFAULT_SECONDS = 75.0


@dataclass(frozen=True)
class DemoOptions:
    """Fields:
    trace: A job log (SWF or CSV); `None` for a generated workload.
    jobs: How many jobs are replayed at most.
    seed: Of the generated workload and of everything synthetic.
    plain: Lines instead of a live table, also on a terminal.
    plugins: Folder of plugin folders; `None` for this project's sample plugins.
    seconds: Bound on the replay; what is still queued then is played to its end by the built-in alone.
    procs: Of the machine of a generated workload; a log says its own.
    keep: Leave the host running at the end until interrupted, so that it can be looked at.
    """

    trace: Path | None = None
    jobs: int = DEFAULT_JOBS
    seed: int = 1
    plain: bool = False
    plugins: Path | None = None
    seconds: float = DEFAULT_SECONDS
    procs: int = 128
    keep: bool = False

    def check(self) -> None:
        """Raises:
        ConfigError: A value is out of range; names it and what would be right.
        """
        if self.jobs < 1:
            raise ConfigError(f"--jobs is {self.jobs}; give 1 or more")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ConfigError(f"--seconds is {self.seconds}; give a number above 0")
        if self.plugins is not None and not self.plugins.is_dir():
            raise ConfigError(
                f"--plugins is {self.plugins}, which is no folder; give a folder of plugin folders"
            )

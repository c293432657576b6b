"""How far a run is, on standard error: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time

BAR = 30
EVERY_S = 10.0


class Progress:
    """Use: `step` after each piece of work, `close` at the end."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def step(self, what: str) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        left_s = (now - self._began) / self._done * (self._total - self._done)
        if self._terminal:
            filled = BAR * self._done // max(self._total, 1)
            bar = "#" * filled + "-" * (BAR - filled)
            sys.stderr.write(f"\r[{bar}] {self._done}/{self._total} {left_s:4.0f} s left  {what:40.40}")
            sys.stderr.flush()
        elif now - self._said >= EVERY_S:
            self._said = now
            sys.stderr.write(f"{self._done}/{self._total}, about {left_s:.0f} s left; last: {what}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Leaves the line."""
        if self._terminal and self._done:
            sys.stderr.write("\n")

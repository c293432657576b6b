"""How far a run is, on standard error: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import shutil
import sys
import time

BAR = 30
EVERY_S = 10.0


class Progress:
    """Use: `loading` before there is anything to count, `begin`, `step` after each piece of work, `close` at the end."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._began = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._shown = False

    def loading(self, what: str) -> None:
        """What is read and compiled takes seconds, too."""
        self._show(f"loading {what}")

    def begin(self, total: int) -> None:
        """So many pieces of work there are."""
        self._total = total
        self._began = self._said = time.monotonic()
        self._show(self._line(None, "started" if total else "all is known already"))

    def step(self, what: str) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        left_s = (now - self._began) / self._done * (self._total - self._done)
        self._show(self._line(left_s, what))
        if not self._terminal and now - self._said >= EVERY_S:
            self._said = now
            sys.stderr.write(f"{self._done}/{self._total}, about {left_s:.0f} s left; last: {what}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Leaves the line."""
        if self._shown:
            sys.stderr.write("\n")
        self._shown = False

    def _line(self, left_s: float | None, what: str) -> str:
        filled = BAR * self._done // max(self._total, 1)
        bar = "#" * filled + "-" * (BAR - filled)
        left = "" if left_s is None else f" {left_s:.0f} s left"
        return f"[{bar}] {self._done}/{self._total}{left}  {what}"

    def _show(self, line: str) -> None:
        if not self._terminal:
            return
        # One column stays free: a line that fills a terminal goes on in the next one, and is never overwritten again.
        room = max(shutil.get_terminal_size().columns - 1, 10)
        sys.stderr.write(f"\r{line[:room]:{room}}")
        sys.stderr.flush()
        self._shown = True

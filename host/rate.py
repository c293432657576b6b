"""How much may come in a second, watched at next to no cost while little comes."""

from __future__ import annotations

from collections.abc import Callable

WINDOW_S = 1.0


def nothing() -> int:
    """For a budget that nothing is added to."""
    return 0


class RateBudget:
    """Says when more than `per_s` was spent within a second.

    The clock is looked at only when the budget is used up: if that took longer than a second, a new one begins. So up
    to twice `per_s` may come within one second that lies across two of them, and never more.
    """

    def __init__(self, per_s: int, clock: Callable[[], float], earned: Callable[[], int] = nothing) -> None:
        """*earned* says how much was added so far, in all; it counts in the second in which it is added."""
        self.per_s = per_s
        self.left = per_s
        self._clock = clock
        self._since = clock()
        self._earned = earned
        self._counted = 0

    def fits(self, amount: int) -> bool:
        """Whether *amount* could be spent now."""
        return amount <= self.left or (self._renewed() and amount <= self.left)

    def spend(self, amount: int) -> bool:
        """Takes *amount* off; false when that was too much."""
        self.left -= amount
        if self.left >= 0:
            return True
        if self._renewed():
            self.left -= amount
        else:
            earned = self._earned()
            self.left += earned - self._counted
            self._counted = earned
        return self.left >= 0

    def _renewed(self) -> bool:
        now = self._clock()
        if now - self._since < WINDOW_S:
            return False
        self._since, self.left, self._counted = now, self.per_s, self._earned()
        return True

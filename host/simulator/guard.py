"""Whether a plugin is followed: while what it has cost stays near what a shadow of the built-in has cost.

Beyond the tolerance the built-in decides for a while. The plugin gets another chance when the most of what it lost is small
again beside what all the work has cost by then: so early losses, while it has learned nothing, cost it no more than time.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_COOL_DOWN = 64  # times the first


@dataclass
class Guard:
    """Decides from two accounts of the same work.

    Attributes:
        tolerance: Falls back when the cost is above this times the shadow's.
        cool_down: Decisions for which the built-in is followed, at the first time; doubled at each next.
        kept: The part of the most that was gained that is not given back: who was good for long has no licence to harm, and
            what is left over covers harm that does not show yet.
        level: The part of what may be lost that is still missing when it gets another chance, at most.
        chances: At the last of so many trips it falls back for good: harm goes on for a while after each.
        trips: How often it fell back.
    """

    tolerance: float = 1.01
    cool_down: int = 200
    kept: float = 0.5
    level: float = 0.5
    chances: int = 6
    trips: int = 0
    _left: int = 0
    _gained: float = 0.0
    _following: bool = True

    def follows(self, cost: float, shadow_cost: float, slack: float = 0.0) -> bool:
        """Whether the next decision is the plugin's. Costs are sums so far, lower is better; *slack* may be lost, too."""
        bearable = (self.tolerance - 1) * shadow_cost + slack
        lost = cost - shadow_cost + self.kept * self._gained
        if self._following:
            self._gained = max(self._gained, shadow_cost - cost)
            if lost > bearable:
                self._following = False
                self.trips += 1
                self._left = self.cool_down * min(2 ** (self.trips - 1), LONGEST_COOL_DOWN)
        else:
            self._left -= 1
            again = self._left <= 0 and self.trips < self.chances
            self._following = again and lost <= self.level * bearable
        return self._following

"""Whether a plugin is followed: while what it has cost stays near what a shadow of the built-in has cost.

Beyond the tolerance the built-in decides, until the plugin's account is back within the shadow's and a cool-down is over;
after the last of its chances the built-in decides for good.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Guard:
    """Decides from two accounts of the same work.

    Attributes:
        tolerance: Falls back when the cost is above this times the shadow's.
        cool_down: Decisions for which the built-in is followed, at the first time; doubled at each next.
        chances: At the last of these trips it falls back for good: harm shows only when starved jobs end, long after it was done.
        trips: How often it fell back.
    """

    tolerance: float = 1.02
    cool_down: int = 200
    chances: int = 2
    trips: int = 0
    _left: int = 0
    _following: bool = True

    def follows(self, cost: float, shadow_cost: float) -> bool:
        """Whether the next decision is the plugin's. Costs are sums so far, lower is better."""
        if self._following:
            if cost > self.tolerance * shadow_cost:
                self._following = False
                self.trips += 1
                self._left = self.cool_down * 2 ** min(self.trips - 1, 20)
        else:
            self._left -= 1
            if self._left <= 0 and cost <= shadow_cost and self.trips < self.chances:
                self._following = True
        return self._following

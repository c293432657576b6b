"""Whether a plugin is followed: while what it has cost stays near what a shadow of the built-in has cost.

A plugin has chances. In each it may lose a little beside the shadow; then the built-in decides for a while, and another chance
begins, in which what was lost before is forgiven. All chances together have a budget, a part of what the shadow has cost: a
plugin that loses while it learns is soon forgotten to have done so, and one that goes on losing gets no more chances.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_COOL_DOWN = 64  # times the first


@dataclass
class Guard:
    """Decides from two accounts of the same work.

    Attributes:
        tolerance: What a chance may cost, as a part of the shadow's cost: 1.01 is a hundredth.
        cool_down: Decisions for which the built-in is followed, at the first time; doubled at each next.
        kept: The part of the most that was gained in a chance that is not given back: who was good for long has no licence to
            harm, and what is left over covers harm that does not show yet.
        budget: How many chances may have been lost within what the shadow has cost by now.
        trips: How often it fell back.
    """

    tolerance: float = 1.01
    cool_down: int = 200
    kept: float = 0.5
    budget: int = 2
    trips: int = 0
    _left: int = 0
    _gained: float = 0.0
    _forgiven: float = 0.0
    _spent: float = 0.0
    _following: bool = True

    def follows(self, cost: float, shadow_cost: float, slack: float = 0.0, coming: float = 0.0) -> bool:
        """Whether the next decision is the plugin's.

        Args:
            cost, shadow_cost: Sums so far, lower is better.
            slack: May be lost, too.
            coming: What is lost by now and will only show. That something will be gained is not counted.
        """
        so_far = cost - shadow_cost
        lost, chance = so_far + max(coming, 0.0), (self.tolerance - 1) * shadow_cost + slack
        if self._following:
            self._gained = max(self._gained, -so_far)
            # What is to come is a guess: it may take all that was gained, and what shows already a part.
            if max(lost, so_far + self.kept * self._gained) > self._forgiven + chance:
                self._following = False
                self.trips += 1
                self._spent += chance
                self._left = self.cool_down * min(2 ** (self.trips - 1), LONGEST_COOL_DOWN)
        else:
            self._left -= 1
            # What was lost goes on growing for a while after a fall, so that is looked at, too.
            if self._left <= 0 and max(self._spent, lost) <= self.budget * chance:
                self._following = True
                self._forgiven, self._gained = max(lost, 0.0), 0.0
        return self._following

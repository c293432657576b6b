"""Whether advice is followed: as long as what it cost is within (1 + lambda) of what the built-in would have cost.

Theory of operation. For each adviser the realised costs of decisions that followed it, and what the built-in would
have cost on the same (its *shadow*), are summed over a window. When enough outcomes are in and the costs are above
(1 + lambda) times the shadow's, it is set aside for a while, then tried again on a short leash, and set aside for
twice as long if it is no better. Pure: time comes in as `now`.

Source: Lykouris and Vassilvitskii (2021), Competitive caching with machine learned advice (follow advice, but no
further from the worst-case algorithm than a chosen factor); Nygard (2007), Release It!, circuit breaker.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

State = Literal["following", "aside", "probing"]


@dataclass(frozen=True)
class GuardConfig:
    """When advice is set aside.

    Fields:
        slack: Lambda: followed while cost <= (1 + slack) x shadow.
        enough: Outcomes before a verdict; `probe` in a probe.
        window: The latest outcomes that count.
        cool_s, cool_most_s: How long it is set aside at first, doubled each time, and at most.
    """

    slack: float = 0.25
    enough: int = 20
    probe: int = 10
    window: int = 200
    cool_s: float = 60.0
    cool_most_s: float = 3600.0


class Guard:
    """The account of one adviser."""

    def __init__(self, config: GuardConfig) -> None:
        self._config = config
        self._outcomes: deque[tuple[float, float]] = deque(maxlen=config.window)
        self._until = 0.0
        self._cool_s = config.cool_s
        self.state: State = "following"
        self.times_aside = 0

    def outcome(self, cost: float, shadow: float, now: float) -> None:
        """One decision that followed it: what it cost, and what the built-in would have cost; both >= 0."""
        if self.state == "aside":
            return  # of a decision that was made before it was set aside
        self._outcomes.append((cost, shadow))
        needed = self._config.probe if self.state == "probing" else self._config.enough
        if len(self._outcomes) < needed:
            return
        if self.ratio > 1.0 + self._config.slack:
            self._aside_ratio = self.ratio
            self.state = "aside"
            self._until = now + self._cool_s
            self._cool_s = min(2.0 * self._cool_s, self._config.cool_most_s)
            self.times_aside += 1
            self._outcomes.clear()
        elif self.state == "probing":
            self.state = "following"
            self._cool_s = self._config.cool_s

    def begin_anew(self) -> None:
        """It decides in another way from now on, of which its outcomes so far say nothing."""
        self._outcomes.clear()

    def follows(self, now: float) -> bool:
        """Whether its advice is followed now; the end of a pause begins a probe."""
        if self.state == "aside" and now >= self._until:
            self.state = "probing"
        return self.state != "aside"

    @property
    def ratio(self) -> float:
        """Cost over shadow, of the outcomes that count, or of those for which it is set aside; 1 without any."""
        if self.state == "aside":
            return self._aside_ratio
        cost = sum(each for each, _ in self._outcomes)
        shadow = sum(each for _, each in self._outcomes)
        if not self._outcomes or cost <= shadow:
            return 1.0 if not shadow else cost / shadow
        return cost / shadow if shadow else float("inf")

    def why_aside(self, now: float) -> str:
        """One sentence for the answer; only while it is set aside."""
        left = max(self._until - now, 0.0)
        return (
            f"what it decided cost {self._aside_ratio:.2f} times what the built-in would have; "
            f"set aside for {left:.0f} s more"
        )

    _aside_ratio = 1.0

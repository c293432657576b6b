"""Weights of advisers by how wrong they were: multiplicative updates, in epochs, with a floor for the plain mean.

Within an epoch weights stand still, because what a scheduler does next depends on what it did before: advice is
judged over a stretch, not by the last outcome. The floor keeps a share of the weight evenly spread, which is what
the host would do without any learning; so the worst that learning can do is bounded, and one that was bad can come
back when the world changes.

Source: Freund and Schapire (1997), A decision-theoretic generalization of on-line learning (Hedge); Herbster and
Warmuth (1998), Tracking the best expert (the share that is spread evenly).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

EPOCH = 16  # outcomes
RATE = 0.5  # a loss of 1 more over a whole epoch costs a factor of exp(-8)
FLOOR = 0.2  # of all weight: spread evenly, whatever was learnt
LEAST = 1e-6  # of the largest: so that years of being bad can be made up for in some epochs


class Hedge:
    """The weights of advisers, by name."""

    def __init__(self, epoch: int = EPOCH, rate: float = RATE, floor: float = FLOOR) -> None:
        self._epoch = epoch
        self._rate = rate
        self._floor = floor
        self._log_weight: dict[str, float] = {}
        self._losses: dict[str, list[float]] = {}
        self._outcomes = 0
        self.epochs = 0

    def outcome(self, losses: Mapping[str, float]) -> None:
        """One outcome: how wrong each who had advised was, in [0, 1]; who had not keeps his weight."""
        for name, loss in losses.items():
            self._losses.setdefault(name, []).append(min(max(loss, 0.0), 1.0))
        self._outcomes += 1
        if self._outcomes >= self._epoch:
            self._end_epoch()

    def weights(self, names: Sequence[str]) -> dict[str, float]:
        """Of these advisers; they sum to 1."""
        if not names:
            return {}
        logs = [self._log_weight.get(name, 0.0) for name in names]
        top = max(logs)
        raw = [math.exp(each - top) for each in logs]
        total = sum(raw)
        even = self._floor / len(names)
        return {
            name: (1.0 - self._floor) * each / total + even for name, each in zip(names, raw, strict=True)
        }

    def knows(self, name: str) -> bool:
        """Whether an epoch of outcomes has been counted for it."""
        return name in self._log_weight

    def _end_epoch(self) -> None:
        for name, losses in self._losses.items():
            # The mean over those it advised on, as if it had advised on all: silence is neither good nor bad.
            mean = sum(losses) / len(losses)
            self._log_weight[name] = self._log_weight.get(name, 0.0) - self._rate * mean * self._epoch
        self._losses = {}
        self._outcomes = 0
        self.epochs += 1
        top = max(self._log_weight.values(), default=0.0)
        for name, each in self._log_weight.items():
            self._log_weight[name] = max(each - top, math.log(LEAST))

"""How much each one's scores count where many score together: by what came of the decisions that they agreed to.

Nobody's scores decide alone, so a decision has no single adviser to blame. It is laid at the door of each as far as
his scores spoke for it: one who ranked what was chosen first had all of a say in it, one who ranked it last spoke
for something else. A decision that cost more than the built-in's would have is a loss to those who spoke for it, and
one that cost less is a loss to those who spoke against. The built-in is one of them; hedge.py moves the weights.

Source: Cesa-Bianchi and Lugosi (2006), Prediction, Learning, and Games, chapter 6 (forecasters of whom only the
outcome of what was done is seen).
"""

from __future__ import annotations

from collections.abc import Mapping

from host.engine.learning.hedge import Hedge

BUILT_IN = "builtin"

Support = Mapping[str, float]
"""How much each one's scores spoke for what was decided, in [0, 1]; `BUILT_IN` among them."""


class Scorers:
    """Those who score one kind of decision."""

    def __init__(self) -> None:
        self._hedge = Hedge()
        self._names: set[str] = set()

    def outcome(self, support: Support, cost: float, shadow: float) -> None:
        """What came of a decision: what it cost, and what the built-in's would have; both finite and >= 0."""
        # In halves, since the sum of two floats may be larger than a float can be.
        both = cost / 2 + shadow / 2
        dear = cost / 2 / both if both else 0.5
        self._names.update(support)
        self._hedge.outcome({by: each * dear + (1.0 - each) * (1.0 - dear) for by, each in support.items()})

    def worth(self, by: str) -> float:
        """How much this one's scores count, where the built-in's count 1."""
        weights = self._hedge.weights((BUILT_IN, by))
        return weights[by] / weights[BUILT_IN]

    def weights(self) -> dict[str, float]:
        """Of all who have been judged; they sum to 1."""
        return self._hedge.weights(sorted(self._names))

    @property
    def epochs(self) -> int:
        """How often the weights have moved."""
        return self._hedge.epochs

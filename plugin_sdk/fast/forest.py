"""What trees say of a row, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plugin_sdk.fast.compiled import CompiledWalk, compiled_walk
from plugin_sdk.fast.nodes import Nodes, Tree, joined
from plugin_sdk.fast.walk import NumpyWalk


class Forest:
    """Trees, walked by compiled code where there is some. Pickled as their nodes: it is chosen anew where it is loaded.

    Args:
        features: How many values a row has.
        rounded: The model compares 32-bit numbers, as scikit-learn's trees do.
    """

    def __init__(self, trees: Sequence[Tree], features: int, *, rounded: bool = True) -> None:
        self._take(joined(trees, features), rounded)

    def mean(self, row: Sequence[float]) -> Any:
        """The mean of what the trees say: a number, or a list of shares."""
        found = self._walk(row)
        return float(self._add(found) / len(found)) if found.ndim == 1 else found.mean(axis=0).tolist()

    def sum(self, row: Sequence[float]) -> float:
        """The sum of what the trees say."""
        return float(self._add(self._walk(row)))

    def sums(self, row: Sequence[float], classes: int) -> list[float]:
        """The sums of trees that take turns, one for each of *classes* and so on."""
        found: list[float] = self._walk(row).reshape(-1, classes).sum(axis=0).tolist()
        return found

    def __getstate__(self) -> tuple[Nodes, bool]:
        return self._walk.nodes, self._rounded

    def __setstate__(self, state: tuple[Nodes, bool]) -> None:
        self._take(*state)

    def _take(self, nodes: Nodes, rounded: bool) -> None:
        import numpy as np

        self._rounded = rounded
        self._add = np.add.reduce  # the array's own `sum` asks first what is wanted
        compiled = compiled_walk(nodes, rounded=rounded)
        self._walk: CompiledWalk | NumpyWalk = compiled or NumpyWalk(nodes, rounded=rounded)

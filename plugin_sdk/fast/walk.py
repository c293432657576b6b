"""Walks all trees side by side, in numpy.

Theory of operation. A step is `child[2 * node + (row[feature[node]] > threshold[node])]`: a handful of numpy calls for all
trees at once, whatever their number. A leaf leads to itself. After as many steps as the average path is long most trees
have arrived; the others go on alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plugin_sdk.fast.nodes import Nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NumpyWalk:
    """Needs nothing but numpy.

    Args:
        rounded: The model compares 32-bit numbers, as scikit-learn's trees do.
    """

    def __init__(self, nodes: Nodes, *, rounded: bool) -> None:
        import numpy as np

        self.nodes = nodes
        leaves = np.arange(nodes.leaves)
        self._child = np.concatenate(
            [np.repeat(leaves, 2), np.stack([nodes.left, nodes.right], axis=1).ravel()]
        ).astype(np.intp)
        self._feature = np.concatenate([np.zeros_like(leaves), nodes.feature]).astype(np.intp)
        thresholds = np.concatenate([np.full(nodes.leaves, np.inf), nodes.threshold])
        self._threshold = _rounded_down(thresholds) if rounded else thresholds
        gaps = nodes.missing_left
        self._gaps_left = None if gaps is None else np.concatenate([np.ones(nodes.leaves, bool), gaps])
        self._roots = nodes.roots.astype(np.intp)
        self._usual, self._most = _depths(nodes)
        self._type = np.float32 if rounded else np.float64

    def __call__(self, row: Sequence[float]) -> NDArray[Any]:
        """What the leaf says at which each tree arrives, in the order of the trees."""
        import numpy as np

        values = np.asarray(row, dtype=self._type)
        node = self._walk(self._roots, values, self._usual)
        if self._usual < self._most:
            going = (node >= self.nodes.leaves).nonzero()[0]
            if len(going):
                node[going] = self._walk(node[going], values, self._most - self._usual)
        return self.nodes.values.take(node, axis=0)

    def _walk(self, node: NDArray[Any], row: NDArray[Any], steps: int) -> NDArray[Any]:
        import numpy as np

        if self._gaps_left is not None and np.isnan(row).any():
            return self._walk_with_gaps(node, row, steps)
        child, feature, threshold, value = (
            self._child.take,
            self._feature.take,
            self._threshold.take,
            row.take,
        )
        greater, add = np.greater, np.add
        # Of this call alone: several threads may ask at once.
        which, turn = np.empty(len(node), np.intp), np.empty(len(node), np.intp)
        at, bound = np.empty(len(node), self._type), np.empty(len(node), self._type)
        right = np.empty(len(node), bool)
        node = node.copy()
        for _ in range(steps):
            # "clip" does not look at every index first; all of them are right.
            feature(node, None, which, "clip")
            value(which, None, at, "clip")
            threshold(node, None, bound, "clip")
            greater(at, bound, right)
            add(node, node, turn)
            add(turn, right, turn)
            child(turn, None, node, "clip")
        return node

    def _walk_with_gaps(self, node: NDArray[Any], row: NDArray[Any], steps: int) -> NDArray[Any]:
        import numpy as np

        assert self._gaps_left is not None
        for _ in range(steps):
            at = row.take(self._feature.take(node))
            right = np.where(np.isnan(at), ~self._gaps_left.take(node), at > self._threshold.take(node))
            node = self._child.take(2 * node + right)
        return node


def _depths(nodes: Nodes) -> tuple[int, int]:
    """Steps after which most rows have arrived, and after which all have: deep leaves are many, but few rows come there."""
    import numpy as np

    level, arrived = nodes.roots, []
    while len(level):
        splits = level[level >= nodes.leaves] - nodes.leaves
        arrived.append(len(level) - len(splits))
        level = np.concatenate([nodes.left[splits], nodes.right[splits]])
    depth = np.arange(len(arrived))
    most = len(arrived) - 1
    return min(int(np.average(depth, weights=np.array(arrived) * 0.5 ** (depth / 2))) + 2, most), most


def _rounded_down(thresholds: NDArray[Any]) -> NDArray[Any]:
    """As 32-bit numbers, none above the original: a 32-bit value is then above the one exactly if above the other."""
    import numpy as np

    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)

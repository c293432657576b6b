"""Walks all trees in one call of scikit-learn's own compiled loop.

Theory of operation. That loop takes many rows through one tree. So all trees are made one: above their roots stands a
small tree that splits by one more feature, the number of the tree; and the one row is repeated, once with each number.
The loop is no public part of scikit-learn. So what is made of it is believed only if it agrees with `walk.py`, which needs
nothing but numpy; where it does not, or where scikit-learn has not been imported, that one does the work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from plugin_sdk.fast.nodes import Nodes
from plugin_sdk.fast.walk import NumpyWalk

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAF = -1  # what scikit-learn writes for the children of a leaf


class CompiledWalk:
    """The same as `NumpyWalk`, some times sooner. Made by `compiled_walk`."""

    def __init__(self, nodes: Nodes, *, rounded: bool) -> None:
        import numpy as np

        self.nodes = nodes
        trees = len(nodes.roots)
        self._features = nodes.features
        self._rows = np.zeros((trees, nodes.features + 1), np.float32 if rounded else np.float64)
        self._rows[:, -1] = np.arange(trees)
        self._at_leaves = _apply(nodes) if rounded else _histogram(nodes)

    def __call__(self, row: Sequence[float]) -> NDArray[Any]:
        """What the leaf says at which each tree arrives, in the order of the trees."""
        rows = self._rows.copy()  # of this call alone: several threads may ask at once
        rows[:, : self._features] = row
        return self._at_leaves(rows)


def compiled_walk(nodes: Nodes, *, rounded: bool) -> CompiledWalk | None:
    """A walk by compiled code; `None` where there is none that agrees with `NumpyWalk`.

    Args:
        rounded: The model compares 32-bit numbers.
    """
    if "sklearn" not in sys.modules:  # its import takes longer than it would save
        return None
    try:
        found = CompiledWalk(nodes, rounded=rounded)
        plain = NumpyWalk(nodes, rounded=rounded)
        return found if all((found(row) == plain(row)).all() for row in _probes(nodes)) else None
    except (ImportError, AttributeError, KeyError, TypeError, ValueError):
        return None  # a scikit-learn that is laid out in another way


def _probes(nodes: Nodes) -> list[list[float]]:
    """Rows that go through the trees by different ways."""
    import numpy as np

    rows = [np.full(nodes.features, value) for value in (-1e30, 0.0, 1e30)]
    if nodes.missing_left is not None:
        rows.append(np.full(nodes.features, np.nan))
    if len(nodes.left):
        chance = np.random.RandomState(0)  # a generator of its own: the plugin's numbers stay as they are
        for _ in range(5):
            row = np.zeros(nodes.features)
            some = chance.randint(len(nodes.left), size=4 * nodes.features)
            row[nodes.feature[some]] = nodes.threshold[some]
            rows.append(row)
    return [row.tolist() for row in rows]


def _switch(nodes: Nodes, first: int) -> list[tuple[int, int, float]]:
    """The splits above the roots: left, right and threshold of each; the first is the root of all.

    Args:
        first: Where `nodes` begin among all.
    """
    roots = [first + int(root) for root in nodes.roots]
    if len(roots) == 1:
        return [(roots[0], roots[0], 0.0)]  # the loop begins at node 0, which is a leaf otherwise
    made: list[tuple[int, int, float]] = []

    def over(low: int, high: int) -> int:
        if high - low == 1:
            return roots[low]
        at, middle = len(made), (low + high) // 2
        made.append((0, 0, 0.0))  # its place: those below it come after it
        made[at] = (over(low, middle), over(middle, high), middle - 0.5)
        return at

    over(0, len(roots))
    return made


def _columns(nodes: Nodes) -> tuple[int, dict[str, NDArray[Any]]]:
    """Every node's columns, the switch first; and where `nodes` begin."""
    import numpy as np

    first = max(1, len(nodes.roots) - 1)
    left, right, bound = zip(*_switch(nodes, first), strict=True)
    leaf = np.full(nodes.leaves, _LEAF)
    gaps = np.ones(len(nodes.left), bool) if nodes.missing_left is None else nodes.missing_left
    return first, {
        "left": np.concatenate([left, leaf, nodes.left + first]),
        "right": np.concatenate([right, leaf, nodes.right + first]),
        "feature": np.concatenate([[nodes.features] * first, np.zeros_like(leaf), nodes.feature]),
        "threshold": np.concatenate([bound, np.zeros(nodes.leaves), nodes.threshold]),
        "missing_left": np.concatenate([np.zeros(first + nodes.leaves, bool), gaps]),
    }


def _apply(nodes: Nodes) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """By the loop of scikit-learn's decision trees."""
    import numpy as np
    from sklearn.tree._tree import NODE_DTYPE, Tree

    first, columns = _columns(nodes)
    size = first + nodes.size
    records = np.zeros(size, NODE_DTYPE)
    for name, column in (
        ("left_child", columns["left"]),
        ("right_child", columns["right"]),
        ("feature", columns["feature"]),
        ("threshold", columns["threshold"]),
        ("missing_go_to_left", columns["missing_left"]),
    ):
        records[name] = column
    tree = Tree(nodes.features + 1, np.ones(1, np.intp), 1)
    nothing = np.zeros((size, 1, 1))  # it asks for values, which are looked up in `nodes`
    tree.__setstate__({"max_depth": size, "node_count": size, "nodes": records, "values": nothing})
    apply, values = tree.apply, nodes.values

    def at_leaves(rows: NDArray[Any]) -> NDArray[Any]:
        leaf = apply(rows)
        leaf -= first
        found: NDArray[Any] = values.take(leaf, axis=0)
        return found

    return at_leaves


def _histogram(nodes: Nodes) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """By the loop of scikit-learn's histogram gradient boosting."""
    import numpy as np
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    first, columns = _columns(nodes)
    records = np.zeros(first + nodes.size, PREDICTOR_RECORD_DTYPE)
    is_leaf = columns["left"] == _LEAF
    for name, column in (
        ("left", np.where(is_leaf, 0, columns["left"])),
        ("right", np.where(is_leaf, 0, columns["right"])),
        ("feature_idx", columns["feature"]),
        ("num_threshold", columns["threshold"]),
        ("missing_go_to_left", columns["missing_left"]),
        ("is_leaf", is_leaf),
    ):
        records[name] = column
    records["value"][first : first + nodes.leaves] = nodes.values
    no_categories = np.zeros((0, 8), np.uint32)
    predict = TreePredictor(records, no_categories, no_categories).predict
    no_map = np.zeros(nodes.features + 1, np.uint32)

    def at_leaves(rows: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = predict(rows, no_categories, no_map, 1)
        return found

    return at_leaves

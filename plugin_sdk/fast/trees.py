"""Trees and ensembles of them: all trees of a model in a few flat arrays, walked side by side.

Theory of operation. Siblings lie next to each other, so a step is `left[node] + (row[feature[node]] > threshold[node])`: a
handful of numpy calls for all trees at once, whatever their number. A leaf leads to itself. After as many steps as the
average path is long most trees have arrived; the others go on alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = Sequence[float]
_REGRESSORS = frozenset({"RandomForestRegressor", "ExtraTreesRegressor"})
_CLASSIFIERS = frozenset({"RandomForestClassifier", "ExtraTreesClassifier"})
_SINGLE = frozenset({"DecisionTreeRegressor", "ExtraTreeRegressor"})
_SINGLE_CLASSIFIERS = frozenset({"DecisionTreeClassifier", "ExtraTreeClassifier"})


@dataclass(frozen=True)
class _Tree:
    """One tree as scikit-learn has it. `left` is below 0 at a leaf; `missing_left` may be `None`."""

    left: Any
    right: Any
    feature: Any
    threshold: Any
    values: Any  # shape (nodes,) or (nodes, classes)
    missing_left: Any


def tree_outputs(model: Any) -> Callable[[Row], Any] | None:
    """What a tree or an ensemble computes of a row; `None` when it is another kind.

    Raises:
        ValueError: It is not fitted, has several outputs, or splits by categories.
    """
    name = type(model).__name__
    if name in _SINGLE | _SINGLE_CLASSIFIERS:
        _needs(model, "tree_")
        return _Forest([_tree(model, shares=name in _SINGLE_CLASSIFIERS)]).mean
    if name in _REGRESSORS | _CLASSIFIERS:
        _needs(model, "estimators_")
        return _Forest([_tree(each, shares=name in _CLASSIFIERS) for each in model.estimators_]).mean
    if name == "GradientBoostingRegressor":
        _needs(model, "estimators_")
        forest = _Forest([_tree(each, shares=False) for each in model.estimators_.ravel()])
        return _Total(forest, _start(model), float(model.learning_rate))
    if name == "HistGradientBoostingRegressor":
        _needs(model, "_predictors")
        return _Total(
            _Forest(_histogram(model), rounded=False), float(model._baseline_prediction.ravel()[0]), 1.0
        )
    return None


class _Forest:
    """Trees in flat arrays.

    Args:
        rounded: The model compares 32-bit numbers, as scikit-learn's trees do.
    """

    def __init__(self, trees: list[_Tree], *, rounded: bool = True) -> None:
        import numpy as np

        laid = [_laid_out(tree) for tree in trees]
        starts = np.cumsum([0, *(len(tree.left) for tree, _ in laid[:-1])])
        self._roots = starts.astype(np.intp)
        self._left = np.concatenate([tree.left + at for (tree, _), at in zip(laid, starts, strict=True)])
        self._feature = np.concatenate([tree.feature for tree, _ in laid]).astype(np.intp)
        thresholds = np.concatenate([tree.threshold for tree, _ in laid])
        self._threshold = _rounded_down(thresholds) if rounded else thresholds
        self._values = np.concatenate([tree.values for tree, _ in laid])
        gaps = [tree.missing_left for tree, _ in laid]
        # Where nothing was missing when it was fitted, nothing may be missing now.
        self._gaps_left = np.concatenate(gaps) if all(each is not None for each in gaps) else None
        depths = np.concatenate([depth for _, depth in laid])
        self._most = int(depths.max())
        # Where most rows have arrived: deep leaves are many, but few rows come to them.
        self._usual = min(int(np.average(depths, weights=0.5 ** (depths / 2))) + 2, self._most)
        self._type = np.float32 if rounded else np.float64

    def mean(self, row: Row) -> Any:
        """The mean of what the trees say: a number, or a list of shares."""
        found = self._at_leaves(row)
        return float(found.sum() / len(found)) if found.ndim == 1 else found.mean(axis=0).tolist()

    def sum(self, row: Row) -> float:
        """The sum of what the trees say."""
        return float(self._at_leaves(row).sum())

    def _at_leaves(self, row: Row) -> NDArray[Any]:
        import numpy as np

        values = np.asarray(row, dtype=self._type)
        node = self._walk(self._roots, values, self._usual)
        if self._usual < self._most:
            going = (self._left.take(node) != node).nonzero()[0]
            if len(going):
                node[going] = self._walk(node[going], values, self._most - self._usual)
        return self._values.take(node, axis=0)

    def _walk(self, node: NDArray[Any], row: NDArray[Any], steps: int) -> NDArray[Any]:
        import numpy as np

        if self._gaps_left is not None and np.isnan(row).any():
            return self._walk_with_gaps(node, row, steps)
        left, feature, threshold, value = self._left.take, self._feature.take, self._threshold.take, row.take
        greater, add = np.greater, np.add
        # Of this call alone: several threads may ask at once.
        which = np.empty(len(node), np.intp)
        at, bound = np.empty(len(node), self._type), np.empty(len(node), self._type)
        right = np.empty(len(node), bool)
        for _ in range(steps):
            # "clip" does not look at every index first; all of them are right.
            feature(node, None, which, "clip")
            value(which, None, at, "clip")
            threshold(node, None, bound, "clip")
            greater(at, bound, right)
            node = add(left(node, None, None, "clip"), right)
        return node

    def _walk_with_gaps(self, node: NDArray[Any], row: NDArray[Any], steps: int) -> NDArray[Any]:
        import numpy as np

        assert self._gaps_left is not None
        for _ in range(steps):
            at = row.take(self._feature.take(node))
            right = np.where(np.isnan(at), ~self._gaps_left.take(node), at > self._threshold.take(node))
            node = self._left.take(node) + right
        return node


def _laid_out(tree: _Tree) -> tuple[_Tree, NDArray[Any]]:
    """The tree with siblings side by side and leaves that lead to themselves; and the depth of each leaf."""
    import numpy as np

    left, right = tree.left.tolist(), tree.right.tolist()
    order, depth, places = [0], [0], [0] * len(left)
    for at in order:  # grows as it is gone through: breadth first
        if left[at] >= 0:
            below = depth[places[at]] + 1
            for child in (left[at], right[at]):
                places[child] = len(order)
                order.append(child)
                depth.append(below)
    sorted_ = np.array(order)
    leaf = tree.left[sorted_] < 0
    new_left = np.where(leaf, np.arange(len(order)), np.array(places)[np.where(leaf, 0, tree.left[sorted_])])
    missing = tree.missing_left
    if missing is not None:
        missing = np.where(leaf, True, missing[sorted_].astype(bool))
    laid = _Tree(
        new_left.astype(np.intp),
        None,
        np.where(leaf, 0, tree.feature[sorted_]),
        np.where(leaf, np.inf, tree.threshold[sorted_]),
        tree.values[sorted_],
        missing,
    )
    return laid, np.array(depth)[leaf]


def _rounded_down(thresholds: NDArray[Any]) -> NDArray[Any]:
    """As 32-bit numbers, none above the original: a 32-bit value is then above the one exactly if above the other."""
    import numpy as np

    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _needs(model: Any, fitted: str) -> None:
    name = type(model).__name__
    if not hasattr(model, fitted):
        raise ValueError(f"the {name} is not fitted; call fit first")
    if getattr(model, "n_outputs_", 1) != 1:
        raise ValueError(f"the {name} has several outputs; make one model for each")


def _tree(estimator: Any, *, shares: bool) -> _Tree:
    tree = estimator.tree_
    values = tree.value[:, 0, :]
    if shares:
        values = values / values.sum(axis=1, keepdims=True)  # counts, before scikit-learn 1.3
    missing = getattr(tree, "missing_go_to_left", None)
    if missing is not None and not missing.any():
        missing = None
    values = values if shares else values[:, 0]
    return _Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, values, missing)


class _Total:
    """What boosting says: a start, and a factor times the sum of its trees. A class, so that it can be pickled."""

    def __init__(self, forest: _Forest, start: float, factor: float) -> None:
        self._forest = forest
        self._start = start
        self._factor = factor

    def __call__(self, row: Row) -> float:
        return self._start + self._factor * self._forest.sum(row)


def _start(model: Any) -> float:
    if model.init is not None and model.init != "zero":
        raise ValueError("a GradientBoostingRegressor with an init of its own has no quick form")
    return 0.0 if model.init == "zero" else float(model.init_.constant_.ravel()[0])


def _histogram(model: Any) -> list[_Tree]:
    import numpy as np

    if type(model._loss.link).__name__ != "IdentityLink":
        raise ValueError(f"a HistGradientBoostingRegressor with loss {model.loss!r} has no quick form")
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise ValueError("a HistGradientBoostingRegressor with categorical splits has no quick form")
        is_leaf = nodes["is_leaf"].astype(bool)
        left = np.where(is_leaf, -1, nodes["left"].astype(np.int64))
        trees.append(
            _Tree(
                left,
                nodes["right"].astype(np.int64),
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["value"],
                nodes["missing_go_to_left"],
            )
        )
    return trees

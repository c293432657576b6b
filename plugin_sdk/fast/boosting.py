"""Gradient boosting: a start, and the sum of trees that each put right what was left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from plugin_sdk.fast.forest import Forest
from plugin_sdk.fast.nodes import Tree
from plugin_sdk.fast.shares import shares
from plugin_sdk.fast.trees import needs, tree_of

Row = Sequence[float]


def boosted_outputs(model: Any) -> Callable[[Row], Any] | None:
    """What gradient boosting computes of a row; `None` when it is another kind.

    Raises:
        ValueError: It is not fitted, splits by categories, or starts or ends in a way that is not known here.
    """
    name = type(model).__name__
    if name in ("GradientBoostingRegressor", "GradientBoostingClassifier"):
        needs(model, "estimators_")
        if model.init is not None and model.init != "zero":
            raise ValueError(f"a {name} with an init of its own has no quick form")
        forest = Forest(
            [tree_of(each, shares=False) for each in model.estimators_.ravel()], model.n_features_in_
        )
        factor = float(model.learning_rate)
        if name == "GradientBoostingRegressor":
            return Total(
                forest, 0.0 if model.init == "zero" else float(model.init_.constant_.ravel()[0]), factor
            )
        doubled = 2.0 if model.loss == "exponential" else 1.0
        return TotalShares(forest, _starts(model, forest, factor), factor, doubled)
    if name == "HistGradientBoostingRegressor":
        needs(model, "_predictors")
        if type(model._loss.link).__name__ != "IdentityLink":
            raise ValueError(f"a {name} with loss {model.loss!r} has no quick form")
        forest = Forest(_histogram_trees(model), model.n_features_in_, rounded=False)
        return Total(forest, float(model._baseline_prediction.ravel()[0]), 1.0)
    if name == "HistGradientBoostingClassifier":
        needs(model, "_predictors")
        forest = Forest(_histogram_trees(model), model.n_features_in_, rounded=False)
        return TotalShares(forest, model._baseline_prediction.ravel().tolist(), 1.0)
    return None


class Total:
    """A start, and a factor times the sum of the trees. A class, so that it can be pickled."""

    def __init__(self, forest: Forest, start: float, factor: float) -> None:
        self._forest = forest
        self._start = start
        self._factor = factor

    def __call__(self, row: Row) -> float:
        return self._start + self._factor * self._forest.sum(row)


class TotalShares:
    """The share of each class, of as many totals as there are classes; of one where there are two.

    Args:
        scale: What the totals are multiplied by at the end.
    """

    def __init__(self, forest: Forest, starts: list[float], factor: float, scale: float = 1.0) -> None:
        self._forest = forest
        self._starts = starts
        self._factor = factor
        self._scale = scale

    def __call__(self, row: Row) -> list[float]:
        sums = self._forest.sums(row, len(self._starts))
        totals = zip(self._starts, sums, strict=True)
        return shares([self._scale * (start + self._factor * each) for start, each in totals])


def _starts(model: Any, forest: Forest, factor: float) -> list[float]:
    """What is there before the first tree: what scikit-learn says of any row, less what its trees do."""
    import numpy as np

    row = np.zeros(model.n_features_in_)
    raw = np.ravel(model.decision_function([row])).tolist()
    sums = forest.sums(row.tolist(), len(raw))
    return [each - factor * sum_ for each, sum_ in zip(raw, sums, strict=True)]


def _histogram_trees(model: Any) -> list[Tree]:
    import numpy as np

    trees = []
    for predictor in (each for stage in model._predictors for each in stage):
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise ValueError(f"a {type(model).__name__} with categorical splits has no quick form")
        is_leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            Tree(
                np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
                nodes["right"].astype(np.int64),
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["value"],
                nodes["missing_go_to_left"],
            )
        )
    return trees

"""Decision trees, and forests of them: what each of scikit-learn's models keeps, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from plugin_sdk.fast.forest import Forest
from plugin_sdk.fast.nodes import Tree

_REGRESSORS = frozenset({"RandomForestRegressor", "ExtraTreesRegressor"})
_CLASSIFIERS = frozenset({"RandomForestClassifier", "ExtraTreesClassifier"})
_SINGLE = frozenset({"DecisionTreeRegressor", "ExtraTreeRegressor"})
_SINGLE_CLASSIFIERS = frozenset({"DecisionTreeClassifier", "ExtraTreeClassifier"})


def tree_outputs(model: Any) -> Callable[[Sequence[float]], Any] | None:
    """What a tree or a forest computes of a row; `None` when it is another kind.

    Raises:
        ValueError: It is not fitted, or has several outputs.
    """
    name = type(model).__name__
    shares = name in _CLASSIFIERS | _SINGLE_CLASSIFIERS
    if name in _SINGLE | _SINGLE_CLASSIFIERS:
        needs(model, "tree_")
        return Forest([tree_of(model, shares=shares)], model.n_features_in_).mean
    if name in _REGRESSORS | _CLASSIFIERS:
        needs(model, "estimators_")
        return Forest([tree_of(each, shares=shares) for each in model.estimators_], model.n_features_in_).mean
    return None


def needs(model: Any, fitted: str) -> None:
    """Raises `ValueError` for a model without what *fitted* names, or with several outputs."""
    name = type(model).__name__
    if not hasattr(model, fitted):
        raise ValueError(f"the {name} is not fitted; call fit first")
    if getattr(model, "n_outputs_", 1) != 1:
        raise ValueError(f"the {name} has several outputs; make one model for each")


def tree_of(estimator: Any, *, shares: bool) -> Tree:
    """The nodes of one decision tree.

    Args:
        shares: It is a classifier's, whose leaves keep the share of each class.
    """
    tree = estimator.tree_
    values = tree.value[:, 0, :]
    if shares:
        values = values / values.sum(axis=1, keepdims=True)  # counts, before scikit-learn 1.3
    missing = getattr(tree, "missing_go_to_left", None)
    if missing is not None and not missing.any():
        missing = None
    values = values if shares else values[:, 0]
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, values, missing)

"""Linear models: a sum of products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import mul
from typing import Any

from plugin_sdk.fast.shares import shares

_REGRESSORS = frozenset(
    {
        "LinearRegression",
        "Ridge",
        "RidgeCV",
        "Lasso",
        "LassoCV",
        "ElasticNet",
        "ElasticNetCV",
        "BayesianRidge",
        "HuberRegressor",
        "QuantileRegressor",
        "SGDRegressor",
        "TheilSenRegressor",
        "LinearSVR",
    }
)


def linear_outputs(model: Any) -> Callable[[Sequence[float]], Any] | None:
    """What a linear model computes of a row; `None` when it is another kind.

    Raises:
        ValueError: It is not fitted, or has several outputs.
    """
    name = type(model).__name__
    if name not in _REGRESSORS and name != "LogisticRegression":
        return None
    if not hasattr(model, "coef_"):
        raise ValueError(f"the {name} is not fitted; call fit first")
    if name == "LogisticRegression":
        return _logistic(model)
    weights = model.coef_.ravel().tolist()
    if len(weights) != model.n_features_in_:
        raise ValueError(f"the {name} has several outputs; make one model for each")
    constant = float(model.intercept_[0] if getattr(model.intercept_, "ndim", 0) else model.intercept_)
    return _Sum(constant, weights)


class _Sum:
    """A constant and a weight for each member of the row. A class, so that it can be pickled."""

    def __init__(self, constant: float, weights: list[float]) -> None:
        self._constant = constant
        self._weights = weights

    def __call__(self, row: Sequence[float]) -> float:
        return self._constant + float(sum(map(mul, self._weights, row)))


def _logistic(model: Any) -> Callable[[Sequence[float]], list[float]]:
    weights, constants = model.coef_.tolist(), model.intercept_.tolist()
    # Up to 1.7 one-against-the-rest could be asked for, and gives other shares.
    if getattr(model, "multi_class", "deprecated") == "ovr" and len(constants) > 1:
        raise ValueError("a LogisticRegression with multi_class='ovr' has no quick form")
    return _Shares([_Sum(c, w) for w, c in zip(weights, constants, strict=True)])


class _Shares:
    """The share of each class. A class, so that it can be pickled."""

    def __init__(self, sums: list[_Sum]) -> None:
        self._sums = sums

    def __call__(self, row: Sequence[float]) -> list[float]:
        return shares([each(row) for each in self._sums])

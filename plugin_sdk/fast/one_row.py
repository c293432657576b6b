"""From a fitted model to a function of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from plugin_sdk.fast.boosting import boosted_outputs
from plugin_sdk.fast.linear import linear_outputs
from plugin_sdk.fast.trees import tree_outputs

Row = Sequence[float]
KNOWN = (
    "LinearRegression, Ridge, Lasso, ElasticNet, QuantileRegressor, HuberRegressor, SGDRegressor, LogisticRegression, "
    "DecisionTree, RandomForest, ExtraTrees, GradientBoosting, HistGradientBoosting (regressors and classifiers), "
    "and a Pipeline of StandardScaler and one of these"
)


class OneRow:
    """A fitted model, for one row at a time. Cannot be changed, so copies of it are itself.

    Attributes:
        features: How many values a row has.
        classes: Of a classifier, its classes in the order of `outputs`; of a regressor `None`.
    """

    __slots__ = ("_scale", "classes", "features", "outputs")

    def __init__(
        self,
        outputs: Callable[[Row], Any],
        features: int,
        classes: list[Any] | None,
        scale: Callable[[Row], Row] | None,
    ) -> None:
        self.outputs = outputs
        self.features = features
        self.classes = classes
        self._scale = scale

    def predict(self, row: Row) -> Any:
        """What the model's `predict` gives for this one row: a number, or a class.

        Raises:
            ValueError: The row is not as long as those it was fitted on.
        """
        found = self._asked(row)
        if self.classes is None:
            return found
        return self.classes[max(range(len(found)), key=found.__getitem__)]

    def predict_proba(self, row: Row) -> list[float]:
        """The share of each class, in the order of `classes`.

        Raises:
            TypeError: It is a regressor.
            ValueError: The row is not as long as those it was fitted on.
        """
        if self.classes is None:
            raise TypeError("it is a regressor, which has no classes; call predict")
        found: list[float] = self._asked(row)
        return found

    def _asked(self, row: Row) -> Any:
        if len(row) != self.features:
            raise ValueError(
                f"the row has {len(row)} values, the model was fitted on {self.features}; give one row, flat"
            )
        return self.outputs(self._scale(row) if self._scale is not None else row)

    def __copy__(self) -> OneRow:
        return self

    def __deepcopy__(self, _memo: object) -> OneRow:
        return self


def one_row(model: Any) -> OneRow:
    """The same predictions as *model*, for one row.

    Args:
        model: A fitted scikit-learn model; see `KNOWN`.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is not fitted, or has several outputs or categorical splits.
    """
    scale = None
    steps = getattr(model, "steps", None)
    if steps is not None:
        scale = _scaling([step for _, step in steps[:-1]])
        model = steps[-1][1]
    outputs = linear_outputs(model) or tree_outputs(model) or boosted_outputs(model)
    if outputs is None:
        raise TypeError(f"a {type(model).__name__} has no quick form; there is one of {KNOWN}")
    classes = getattr(model, "classes_", None)
    features = int(model.n_features_in_)
    return OneRow(outputs, features, None if classes is None else classes.tolist(), scale)


def _scaling(steps: list[Any]) -> _Scaled | None:
    factors: list[tuple[list[float], list[float]]] = []
    for step in steps:
        if type(step).__name__ != "StandardScaler":
            raise TypeError(f"a pipeline with a {type(step).__name__} has no quick form; StandardScaler has")
        count = step.n_features_in_
        mean = step.mean_.tolist() if step.with_mean else [0.0] * count
        factors.append((mean, step.scale_.tolist() if step.with_std else [1.0] * count))
    return _Scaled(factors) if factors else None


class _Scaled:
    """Each member of a row less its mean, in standard deviations. A class, so that it can be pickled."""

    def __init__(self, factors: list[tuple[list[float], list[float]]]) -> None:
        self._factors = factors

    def __call__(self, row: Row) -> Row:
        for mean, scale in self._factors:
            row = [(value - m) / s for value, m, s in zip(row, mean, scale, strict=True)]
        return row

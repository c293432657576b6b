"""The same numbers as scikit-learn, to 1e-9, and for one row of a forest far sooner."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from plugin_sdk.fast import OneRow, compiled, one_row
from plugin_sdk.fast.compiled import CompiledWalk
from plugin_sdk.fast.walk import NumpyWalk

CHANCE = np.random.default_rng(3)
X = CHANCE.random((300, 6))
X_GAPS = np.where(CHANCE.random(X.shape) < 0.1, np.nan, X)
Y = 3 * X[:, 0] + np.sin(9 * X[:, 1]) + CHANCE.normal(0, 0.3, 300)
CLASSES = (Y > 1).astype(int) + (Y > 2)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of OpenMP wait for each other, without end."""
    with threadpool_limits(1):
        yield


MODELS: list[tuple[Any, Any, Any]] = [
    (LinearRegression(), X, Y),
    (Ridge(), X, Y),
    (Lasso(0.01), X, Y),
    (ElasticNet(0.01), X, Y),
    (HuberRegressor(), X, Y),
    (make_pipeline(StandardScaler(), Ridge()), X, Y),
    (make_pipeline(StandardScaler(with_mean=False), RandomForestRegressor(5, random_state=0)), X, Y),
    (LogisticRegression(), X, CLASSES),
    (LogisticRegression(), X, CLASSES > 0),
    (DecisionTreeRegressor(), X, Y),
    (DecisionTreeClassifier(max_depth=4), X, CLASSES),
    (RandomForestRegressor(20, random_state=0), X, Y),
    (RandomForestRegressor(20, random_state=0), X_GAPS, Y),
    (RandomForestClassifier(20, random_state=0), X, CLASSES),
    (ExtraTreesRegressor(10, random_state=0), X, Y),
    (GradientBoostingRegressor(n_estimators=30), X, Y),
    (GradientBoostingRegressor(n_estimators=30, loss="quantile", alpha=0.9), X, Y),
    (HistGradientBoostingRegressor(max_iter=30), X, Y),
    (HistGradientBoostingRegressor(max_iter=30, loss="quantile", quantile=0.9), X_GAPS, Y),
    (GradientBoostingClassifier(n_estimators=10), X, CLASSES),
    (GradientBoostingClassifier(n_estimators=10, loss="exponential"), X, CLASSES > 0),
    (HistGradientBoostingClassifier(max_iter=10), X_GAPS, CLASSES),
    (HistGradientBoostingClassifier(max_iter=10), X, CLASSES > 0),
    (RandomForestRegressor(3, max_depth=1), X, Y * 0),  # trees that are one leaf
]


@pytest.mark.parametrize("walked_by", [CompiledWalk, NumpyWalk])
@pytest.mark.parametrize(("model", "rows", "target"), MODELS, ids=lambda each: type(each).__name__)
def test_the_numbers_are_scikit_learns(
    model: Any, rows: Any, target: Any, walked_by: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.fit(rows, target)
    if walked_by is NumpyWalk:
        without_the_compiled_loop(monkeypatch)
    quick = one_row(model)
    forest = forest_of(quick)
    assert forest is None or type(forest._walk) is walked_by
    found = [quick.predict(row.tolist()) for row in rows[:60]]
    if quick.classes is not None:
        assert found == model.predict(rows[:60]).tolist()
        shares = [quick.predict_proba(row.tolist()) for row in rows[:60]]
        np.testing.assert_allclose(shares, model.predict_proba(rows[:60]), rtol=0, atol=1e-9)
    else:
        np.testing.assert_allclose(found, model.predict(rows[:60]), rtol=0, atol=1e-9)


def without_the_compiled_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where scikit-learn was not imported, or is laid out in another way."""
    monkeypatch.setattr("plugin_sdk.fast.forest.compiled_walk", lambda nodes, rounded: None)


def forest_of(quick: OneRow) -> Any:
    """The trees of it, if it has any."""
    made: Any = quick.outputs
    return getattr(made, "_forest", None) or getattr(made, "__self__", None)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_value_between_two_32_bit_numbers_goes_where_scikit_learn_sends_it(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        without_the_compiled_loop(monkeypatch)
    model = RandomForestRegressor(10, random_state=0).fit(X, Y)
    quick = one_row(model)
    tree = model.estimators_[0].tree_
    at = int(tree.feature[0])
    for value in [*np.nextafter(tree.threshold[0], [-1.0, 2.0]).tolist(), float(tree.threshold[0])]:
        row = X[0].copy()
        row[at] = value
        assert quick.predict(row.tolist()) == pytest.approx(model.predict([row])[0], abs=1e-9)


def test_one_row_of_a_forest_is_at_least_fifty_times_sooner() -> None:
    """Rows that differ: one that is asked again finds all it needs in the processor's caches."""
    model = RandomForestRegressor(100, random_state=0).fit(X, Y)
    quick = one_row(model)
    rows = X.tolist()

    def cpu_s(work: Any, rounds: int, calls: int) -> float:
        best = float("inf")
        for _ in range(rounds):
            began = time.process_time()
            work()
            best = min(best, (time.process_time() - began) / calls)
        return best

    def quickly() -> None:
        for row in rows:
            quick.predict(row)

    theirs = cpu_s(lambda: [model.predict(X[at : at + 1]) for at in range(5)], 4, 5)
    # docs/reference/performance.md has what is reached, three times this.
    assert theirs / cpu_s(quickly, 4, len(rows)) > 50


def test_a_compiled_loop_that_does_not_agree_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another scikit-learn may mean something else by the same names."""
    model = RandomForestRegressor(3, random_state=0).fit(X, Y)
    right = compiled._columns

    def other(nodes: Any) -> Any:
        first, columns = right(nodes)
        return first, columns | {"left": columns["right"], "right": columns["left"]}

    monkeypatch.setattr(compiled, "_columns", other)
    quick = one_row(model)
    assert type(forest_of(quick)._walk) is NumpyWalk
    assert quick.predict(X[0].tolist()) == pytest.approx(model.predict(X[:1])[0], abs=1e-9)


def test_a_row_of_another_length_is_an_error_that_says_both() -> None:
    for model in (LinearRegression(), RandomForestRegressor(2)):
        with pytest.raises(ValueError, match="the row has 1 values, the model was fitted on 6; give one row"):
            one_row(model.fit(X, Y)).predict(X[:1])


def test_what_has_no_quick_form_says_so() -> None:
    with pytest.raises(
        TypeError, match="a KNeighborsRegressor has no quick form; there is one of LinearRegression"
    ):
        one_row(KNeighborsRegressor().fit(X, Y))
    with pytest.raises(TypeError, match="MinMaxScaler"):
        one_row(make_pipeline(MinMaxScaler(), Ridge()).fit(X, Y))
    with pytest.raises(ValueError, match="not fitted"):
        one_row(RandomForestRegressor())
    with pytest.raises(ValueError, match="several outputs"):
        one_row(RandomForestRegressor(2).fit(X, np.stack([Y, Y], axis=1)))
    with pytest.raises(TypeError, match="regressor"):
        one_row(LinearRegression().fit(X, Y)).predict_proba(X[0])


def test_a_copy_is_itself_as_it_never_changes() -> None:
    quick = one_row(RandomForestRegressor(3).fit(X, Y))
    assert copy.deepcopy(quick) is quick


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), Ridge()),
        RandomForestRegressor(3),
        GradientBoostingRegressor(n_estimators=5),
        HistGradientBoostingRegressor(max_iter=5),
        GradientBoostingClassifier(n_estimators=5),
    ],
    ids=lambda each: type(each).__name__,
)
def test_it_can_be_kept_over_a_restart(model: Any) -> None:
    quick = one_row(model.fit(X, CLASSES))
    again = pickle.loads(pickle.dumps(quick))
    assert again.predict(X[0].tolist()) == quick.predict(X[0].tolist())

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.online import OnlineRegressor, RunningMoments, RunningQuantile


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60))
def test_moments_are_those_of_the_whole_list(values: list[float]) -> None:
    moments = RunningMoments()
    for value in values:
        moments.update(value)
    assert moments.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert moments.variance == pytest.approx(statistics.pvariance(values), abs=1e-4)


def test_moments_that_forget_follow_a_shift() -> None:
    moments = RunningMoments(0.05)
    for value in [0.0] * 500 + [10.0] * 100:
        moments.update(value)
    assert moments.mean == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_a_quantile_of_a_stream_is_near_that_of_the_list(level: float) -> None:
    chance = random.Random(4)
    values = [chance.expovariate(1.0) for _ in range(5000)]
    quantile = RunningQuantile(level)
    for value in values:
        quantile.update(value)
    exact = sorted(values)[int(level * len(values))]
    assert quantile.value == pytest.approx(exact, rel=0.1, abs=0.02)


def world(chance: random.Random, shift: float = 0.0) -> tuple[dict[str, object], float]:
    user, procs = chance.choice("abc"), chance.randint(1, 64)
    base = {"a": 10.0, "b": 30.0, "c": 90.0}[user] + shift
    return {"user": user, "procs": procs}, base + 0.5 * procs + chance.gauss(0, 1)


def test_it_learns_texts_and_numbers_of_any_scale() -> None:
    chance, model = random.Random(5), OnlineRegressor()
    for _ in range(2000):
        model.update(*world(chance))
    errors, spread = [], []
    for _ in range(300):
        features, actual = world(chance)
        errors.append(abs(model.predict(features) - actual))
        spread.append(abs(model.outcome.mean - actual))
    assert statistics.fmean(errors) < statistics.fmean(spread) / 4


def test_it_follows_a_world_that_changes() -> None:
    chance, model = random.Random(6), OnlineRegressor(forget=0.01)
    for _ in range(1000):
        model.update(*world(chance))
    for _ in range(1500):
        model.update(*world(chance, shift=200.0))
    features, actual = world(chance, shift=200.0)
    assert model.predict(features) == pytest.approx(actual, abs=25.0)


def test_its_memory_is_bounded_whatever_comes() -> None:
    model = OnlineRegressor(bits=4)
    for n in range(2000):
        model.update({f"feature-{n}": n, "text": str(n)}, float(n % 7))
    assert len(model._weights) <= 16 and len(model._spread) <= 16


def test_an_outcome_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        OnlineRegressor().update({}, float("nan"))

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.calibration import AdaptiveConformal, ConformalQuantiles, SplitConformal, conformal_quantile


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.01, 0.99))
def test_at_least_the_share_that_is_asked_lies_at_or_below_the_quantile(
    errors: list[float], level: float
) -> None:
    bound = conformal_quantile(errors, level)
    share = sum(each <= bound for each in errors) / len(errors)
    assert share >= min(level, 1.0) or bound == max(errors)


def test_split_quantiles_cover_what_they_say() -> None:
    chance = random.Random(1)
    errors = [chance.gauss(0, 1) + chance.random() for _ in range(2000)]
    fitted = SplitConformal().fit([0.0] * 1000, errors[:1000])
    for name, value in fitted.quantiles(10.0).items():
        share = sum(10.0 + each <= value for each in errors[1000:]) / 1000
        assert share == pytest.approx(float(name), abs=0.04)


def test_quantiles_of_a_model_that_is_wrong_are_put_right_and_do_not_cross() -> None:
    chance = random.Random(2)
    actual = [chance.gauss(0, 1) for _ in range(1000)]
    wrong = {0.1: [5.0] * 1000, 0.9: [-5.0] * 1000}
    fitted = ConformalQuantiles((0.1, 0.9)).fit(wrong, actual)
    found = fitted.quantiles({0.1: 5.0, 0.9: -5.0})
    assert found["0.1"] == pytest.approx(-1.28, abs=0.2)
    assert found["0.9"] == pytest.approx(1.28, abs=0.2)
    assert list(fitted.quantiles({0.1: 100.0, 0.9: -5.0}).values()) == sorted(
        fitted.quantiles({0.1: 100.0, 0.9: -5.0}).values()
    )


def test_coverage_is_kept_when_the_world_shifts() -> None:
    chance = random.Random(3)
    interval = AdaptiveConformal(0.9, window=200)
    covered = []
    for at in range(4000):
        actual = chance.gauss(0, 1 if at < 2000 else 4)
        covered.append(actual <= interval.upper(0.0))
        interval.update(0.0, actual)
    assert sum(covered[2200:]) / len(covered[2200:]) == pytest.approx(0.9, abs=0.03)


def test_nothing_to_calibrate_on_is_said() -> None:
    with pytest.raises(ValueError, match="give at least one"):
        conformal_quantile([], 0.5)
    with pytest.raises(ValueError, match="level is 1"):
        AdaptiveConformal(1)

"""Rolling intervals cover as often as they say, whatever the noise is."""

from __future__ import annotations

import random

import pytest

from host.engine.learning.conformal import ENOUGH, RollingInterval


@pytest.mark.parametrize(
    "noise", [lambda r: r.gauss(0, 5), lambda r: r.expovariate(0.1), lambda r: r.choice([-1, 100])]
)
def test_nine_in_ten_outcomes_lie_inside(noise):
    chance, rolling, inside, asked = random.Random(7), RollingInterval(), 0, 0
    for _ in range(2000):
        predicted = chance.uniform(0, 1000)
        came = predicted + noise(chance)
        around = rolling.around(predicted)
        if around is not None:
            asked += 1
            inside += around[0] <= came <= around[1]
        rolling.outcome(predicted, came)
    assert 0.86 <= inside / asked <= 1.0


def test_with_few_outcomes_nothing_is_said():
    rolling = RollingInterval()
    for _ in range(ENOUGH - 1):
        rolling.outcome(1.0, 2.0)
    assert rolling.around(5.0) is None
    rolling.outcome(1.0, 2.0)
    assert rolling.around(5.0) == (4.0, 6.0)


def test_when_the_world_changes_the_intervals_follow_within_a_hundred_outcomes():
    """Four times the noise and a shift in the middle; then nearly as calm as before."""
    chance, rolling = random.Random(11), RollingInterval()
    inside = dict.fromkeys(range(12), 0)
    for n in range(1200):
        spread, shift = (5, 0) if n < 400 else (20, 10) if n < 800 else (8, 10)
        came = shift + chance.gauss(0, spread)
        around = rolling.around(0.0)
        inside[n // 100] += around is None or around[0] <= came <= around[1]
        rolling.outcome(0.0, came)
    assert min(inside.values()) >= 75
    assert 0.88 <= sum(inside.values()) / 1200 <= 0.93

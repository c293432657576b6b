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

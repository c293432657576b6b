"""Scores of many on one decision: who spoke for what turned out well counts more, and the built-in is one of them."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from host.engine.learning.hedge import EPOCH
from host.engine.learning.scorers import BUILT_IN, Scorers


def outcomes(scorers, support, cost, shadow=1.0, times=EPOCH):
    for _ in range(times):
        scorers.outcome(support, cost, shadow)


def test_one_who_speaks_for_what_costs_more_than_the_built_ins_choice_loses_weight_and_one_against_it_gains():
    scorers = Scorers()
    support = {"bad": 1.0, "good": 0.0, BUILT_IN: 0.0}
    outcomes(scorers, support, cost=3.0, times=EPOCH - 1)
    assert scorers.worth("bad") == scorers.worth("good") == 1.0  # weights stand still within an epoch
    outcomes(scorers, support, cost=3.0, times=1)
    assert scorers.worth("bad") < 0.2 < scorers.worth("good") == 1.0
    outcomes(scorers, {"good": 1.0, "bad": 0.0, BUILT_IN: 0.5}, cost=0.2)
    assert scorers.worth("good") > 1.0 > scorers.worth("bad")


def test_what_costs_as_much_as_the_built_ins_choice_teaches_nothing():
    scorers = Scorers()
    outcomes(scorers, {"a": 1.0, "b": 0.0, BUILT_IN: 0.5}, cost=1.0, times=10 * EPOCH)
    outcomes(scorers, {"a": 1.0, "b": 0.0, BUILT_IN: 0.5}, cost=0.0, shadow=0.0, times=EPOCH)
    assert scorers.worth("a") == scorers.worth("b") == 1.0


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.floats(0, 1),
            st.floats(0, sys.float_info.max),
            st.floats(0, sys.float_info.max),
        ),
        max_size=60,
    )
)
def test_whatever_comes_nobody_counts_more_than_ten_times_the_built_in_or_less_than_a_tenth(rows):
    scorers = Scorers()
    for one, own, cost, shadow in rows:
        scorers.outcome({"one": one, BUILT_IN: own}, cost, shadow)
    assert 0.1 <= scorers.worth("one") <= 10
    assert 0.999 <= sum(scorers.weights().values()) <= 1.001 or not rows

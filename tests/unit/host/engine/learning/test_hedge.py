"""Hedge: weights move at the end of an epoch, toward those that were right, and never below the floor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.learning.hedge import Hedge


def test_within_an_epoch_nothing_moves_and_at_its_end_the_better_gains():
    hedge = Hedge(epoch=4)
    for _ in range(3):
        hedge.outcome({"good": 0.1, "bad": 0.9})
    assert hedge.weights(["good", "bad"]) == {"good": 0.5, "bad": 0.5}
    hedge.outcome({"good": 0.1, "bad": 0.9})
    weights = hedge.weights(["good", "bad"])
    assert weights["good"] > 0.7 and hedge.epochs == 1


def test_colluding_liars_lose_their_majority():
    hedge, names = Hedge(), ["honest", "liar-1", "liar-2", "liar-3"]
    assert hedge.weights(names)["honest"] == 0.25
    for _ in range(64):
        hedge.outcome({"honest": 0.1, **dict.fromkeys(names[1:], 0.9)})
    assert hedge.weights(names)["honest"] > 0.5


def test_one_that_was_bad_comes_back_when_the_world_changes():
    hedge = Hedge(epoch=4)
    for _ in range(400):
        hedge.outcome({"a": 0.0, "b": 1.0})
    for _ in range(80):
        hedge.outcome({"a": 1.0, "b": 0.0})
    weights = hedge.weights(["a", "b"])
    assert weights["b"] > weights["a"]


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1), min_size=1), max_size=80),
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=5, unique=True),
)
def test_weights_are_shares_and_none_is_below_the_floor(outcomes, names):
    hedge = Hedge(epoch=5, floor=0.2)
    for each in outcomes:
        hedge.outcome(each)
    weights = hedge.weights(names)
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0.2 / len(names) - 1e-12

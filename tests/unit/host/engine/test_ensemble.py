"""Predictions combined by weighted median."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.ensemble import combine, weighted_median

pairs = st.lists(st.tuples(st.floats(-1e308, 1e308), st.floats(0.01, 1)), min_size=1, max_size=7)


@given(pairs)
def test_the_median_has_at_most_half_of_the_weight_on_either_side(values):
    median = weighted_median(values)
    whole = sum(weight for _, weight in values)
    assert sum(weight for value, weight in values if value < median) <= whole / 2 + 1e-9
    assert sum(weight for value, weight in values if value > median) <= whole / 2 + 1e-9


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(1, 1), (3, 1)], 2),
        ([(1, 1), (3, 2)], 3),
        ([(5, 0), (1, 1)], 1),
        ([(1, 0), (3, 0)], 2),
        ([(1, 1), (2, 1), (1e9, 1)], 2),
    ],
)
def test_medians_of_a_few_values(values, expected):
    assert weighted_median(values) == expected


def test_one_liar_among_three_moves_nothing_far():
    assert combine([100, 110, 1e12], [0.5, 0.5, 0.5]) == 110


def test_objects_are_combined_member_by_member_and_words_follow_the_weight():
    first = {"cpu": 1, "unit": "cores", "by": {"p90": 3}}
    second = {"cpu": 3, "unit": "milli", "extra": 7, "by": {"p90": 5}}
    assert combine([first, second], [0.5, 0.5]) == {"cpu": 2, "unit": "cores", "by": {"p90": 4}, "extra": 7}
    assert combine([first, second], [0.2, 0.9])["unit"] == "milli"


def test_where_some_give_a_number_and_others_an_object_the_weightier_kind_is_kept():
    assert combine([5.0, {"a": 1}, 7.0], [0.3, 0.5, 0.3]) == 6.0


def test_no_confidence_in_anything_counts_as_equal_confidence():
    assert combine([1.0, 3.0], [0.0, 0.0]) == 2.0

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.solvers.item_stream import (
    CHOICES,
    Place,
    best_fit,
    lower_bound,
    pack_stream,
    play_stream,
    sum_of_squares,
)


def plain_best_fit(items: list[int], capacity: int) -> int:
    bins: list[int] = []
    for size in items:
        fitting = [index for index, left in enumerate(bins) if left >= size]
        if fitting:
            bins[min(fitting, key=bins.__getitem__)] -= size
        else:
            bins.append(capacity - size)
    return len(bins)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_best_fit_uses_as_many_bins_as_its_plain_form(items: list[int]) -> None:
    assert pack_stream(items, 30, best_fit)[-1] == plain_best_fit(items, 30)


@pytest.mark.parametrize("name", sorted(CHOICES))
@given(items=st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_no_choice_needs_fewer_bins_than_the_bound_or_more_than_one_each(name: str, items: list[int]) -> None:
    curve = pack_stream(items, 30, CHOICES[name])
    assert lower_bound(items, 30) <= curve[-1] <= len(items)
    assert curve == sorted(curve)


def test_sum_of_squares_takes_the_bin_that_evens_the_counts_out() -> None:
    # Three bins with 4 left, none with 1: filling one of those brings the sum of squares down most.
    assert sum_of_squares(Place(3, 10, {4: 3, 9: 1})) == 4
    # To fill the last bin with 4 left gives 1 and takes 1; a new one would give a second with 7 left.
    assert sum_of_squares(Place(4, 10, {4: 1})) == 4


def test_sum_of_squares_wastes_less_than_best_fit_on_a_steady_stream() -> None:
    chance = random.Random(1)
    items = [min(100, max(1, round(chance.weibullvariate(45, 3)))) for _ in range(3000)]
    assert pack_stream(items, 100, sum_of_squares)[-1] < pack_stream(items, 100, best_fit)[-1]


def test_a_full_bin_is_offered_no_more() -> None:
    play = play_stream([5, 5, 1], 10)
    next(play)
    assert play.send(10).open_bins == {5: 1}
    assert play.send(5).open_bins == {}

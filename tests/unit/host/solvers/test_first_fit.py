"""The first bin with room, found by tree, is the one found by looking at each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.solvers.first_fit import FirstFit

AMOUNT = st.integers(0, 8)


@given(
    bins=st.lists(st.tuples(AMOUNT, AMOUNT), min_size=1, max_size=9),
    demands=st.lists(st.tuples(AMOUNT, AMOUNT), max_size=12),
    begin=st.integers(0, 8),
)
def test_each_demand_goes_to_the_first_bin_from_the_beginning_that_has_room(bins, demands, begin):
    begin = min(begin, len(bins) - 1)
    fitting = FirstFit(list(zip(*[(float(a), float(b)) for a, b in bins], strict=True)))
    left = [list(each) for each in bins]
    for demand in demands:
        expected = next(
            (i for i in range(begin, len(left)) if all(x >= d for x, d in zip(left[i], demand, strict=True))),
            None,
        )
        assert fitting.place(demand, begin) == expected
        if expected is not None:
            left[expected] = [x - d for x, d in zip(left[expected], demand, strict=True)]


def test_a_closed_bin_takes_nothing_not_even_nothing_at_all():
    fitting = FirstFit([[4.0, 4.0]])
    fitting.close(0)
    assert fitting.first([0.0]) == 1
    fitting.close(1)
    assert fitting.first([0.0]) is None

"""The score of an answer: bound over objective, by the first member that differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.checks.table import score


@pytest.mark.parametrize(
    ("objective", "bound", "expected"),
    [
        ((0, 4), (0, 4), 1.0),
        ((0, 5), (0, 4), 0.8),
        ((2, 1), (0, 3), 1 / 3),
        ((4, 1), (2, 9), 0.5),
        ((2.5,), (1.0,), 0.4),
        ((0, 0), (0, 0), 1.0),
        (None, (1,), 0.0),
        ((1,), None, 0.0),
    ],
)
def test_the_score_is_that_of_the_member_that_matters(objective, bound, expected):
    assert score(objective, bound) == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=3))
def test_a_score_is_in_the_unit_interval_and_one_only_when_the_bound_is_met(pairs):
    objective, bound = zip(*[(low + more, low) for low, more in pairs], strict=True)
    assert 0 < score(objective, bound) <= 1 or min(bound) < 1e-200
    if objective == bound:
        assert score(objective, bound) == 1

"""A budget by the second, on a clock that the test moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.rate import RateBudget


class Clock:
    now = 0.0
    looks = 0

    def __call__(self):
        self.looks += 1
        return self.now


def test_the_clock_is_not_looked_at_while_little_comes():
    clock = Clock()
    budget = RateBudget(1000, clock)
    assert all(budget.spend(1) for _ in range(1000))
    assert clock.looks == 1, "when it was made"


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 30)), max_size=60))
def test_what_is_let_through_in_a_second_is_never_more_than_twice_the_budget(steps):
    clock, let_through = Clock(), []
    budget = RateBudget(20, clock)
    for later, amount in steps:
        clock.now += later
        if not budget.spend(amount):
            break
        let_through.append((clock.now, amount))
    for start, _ in let_through:
        assert sum(amount for at, amount in let_through if start <= at < start + 1) <= 40


@given(st.lists(st.floats(0.06, 2), max_size=60))
def test_what_keeps_to_the_rate_is_always_let_through(waits):
    clock = Clock()
    budget = RateBudget(20, clock)
    for wait in waits:
        clock.now += wait
        assert budget.fits(1)
        assert budget.spend(1)


def test_whether_it_fits_is_asked_without_spending():
    clock = Clock()
    budget = RateBudget(10, clock)
    assert budget.spend(8)
    assert budget.fits(2)
    assert not budget.fits(3)
    clock.now = 1.0
    assert budget.fits(10)
    assert not budget.fits(11)


def test_what_is_earned_may_be_spent_in_the_same_second_and_not_later():
    clock, earned = Clock(), 0
    budget = RateBudget(10, clock, lambda: earned)
    earned = 25
    assert budget.spend(10)
    assert budget.spend(25)
    assert not budget.spend(1)
    clock.now = 1.0
    assert budget.spend(10)
    assert not budget.spend(1), "what was earned before is of a second that is over"
    clock.now, earned = 2.0, 1000
    assert budget.spend(10)
    assert not budget.spend(1), "it came before this second began"

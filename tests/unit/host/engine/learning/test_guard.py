"""The guard: followed within (1 + lambda) of the built-in, else set aside, tried again, and longer the next time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.engine.learning.guard import Guard, GuardConfig

CONFIG = GuardConfig(slack=0.1, enough=4, probe=2, cool_s=10)


def costs(guard, cost, times, now=0.0):
    for _ in range(times):
        guard.outcome(cost, 1.0, now)


def test_advice_within_the_slack_is_followed():
    guard = Guard(CONFIG)
    costs(guard, 1.09, 100)
    assert guard.follows(0) and guard.state == "following"


def test_beyond_it_advice_is_set_aside_then_probed_and_longer_each_time():
    guard = Guard(CONFIG)
    costs(guard, 2.0, 3)
    assert guard.follows(0)  # too few outcomes for a verdict
    costs(guard, 2.0, 1)
    assert not guard.follows(9.9)
    assert guard.ratio == 2.0  # of what it is set aside for
    assert (
        guard.why_aside(4)
        == "what it decided cost 2.00 times what the built-in would have; set aside for 6 s more"
    )
    assert guard.follows(10) and guard.state == "probing"
    costs(guard, 2.0, 2, now=10)
    assert not guard.follows(29.9) and guard.follows(30)
    costs(guard, 0.9, 2, now=30)
    assert guard.state == "following" and guard.times_aside == 2
    costs(guard, 2.0, 10, now=40)
    assert not guard.follows(49.9) and guard.follows(50)  # the pause is the first one's again


def test_outcomes_of_decisions_from_before_do_not_count_while_set_aside():
    guard = Guard(CONFIG)
    costs(guard, 2.0, 4)
    costs(guard, 0.0, 100)
    assert guard.state == "aside"


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=200))
def test_what_is_followed_cost_no_more_than_the_slack_allows_over_the_window(outcomes):
    guard, cost, shadow, count = Guard(GuardConfig(slack=0.1, enough=4, window=1000)), 0.0, 0.0, 0
    for one, other in outcomes:
        guard.outcome(one, other, 0.0)
        cost, shadow, count = cost + one, shadow + other, count + 1
        if count >= 4:
            assert (guard.state == "following") == (cost <= 1.1 * shadow * (1 + 1e-12) + 1e-300)
            if guard.state == "aside":
                break

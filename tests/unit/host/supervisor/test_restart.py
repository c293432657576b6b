"""When to start again, and when to give up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.supervisor.restart import RestartHistory, RestartPolicy

POLICY = RestartPolicy(base_s=0.5, cap_s=30.0, intensity=3, period_s=60.0, calm_s=600.0)


@pytest.mark.parametrize(
    ("starts", "now", "spent"),
    [
        ([], 0.0, False),
        ([0, 1], 2.0, False),
        ([0, 1, 2], 3.0, True),
        ([0, 1, 2], 60.5, False),  # the first has left the period
        ([0, 0, 0], 59.9, True),
        ([0, 0, 0], 60.0, False),
    ],
)
def test_starts_are_counted_within_the_period(starts, now, spent):
    history = RestartHistory(POLICY)
    for each in starts:
        history.started(float(each))
    assert history.spent(now) is spent


def test_the_back_off_doubles_up_to_its_cap():
    history = RestartHistory(POLICY)
    delays = [history.delay_after_exit(1.0, 0.999999) for _ in range(40)]
    assert [round(each, 2) for each in delays[:7]] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert round(delays[-1], 2) == 30.0


def test_a_process_that_lived_long_wipes_out_what_was_before():
    history = RestartHistory(POLICY)
    for now in range(3):
        history.started(float(now))
        history.delay_after_exit(0.1, 0.5)
    assert history.delay_after_exit(600.0, 1.0) == 0.5
    assert not history.spent(3.0)


@given(st.integers(0, 2000), st.floats(0, 1, exclude_max=True), st.floats(0, 599))
def test_a_delay_lies_between_zero_and_the_cap_however_often_it_failed(failures, chance, lived_s):
    delay = RestartHistory(POLICY, failures=failures).delay_after_exit(lived_s, chance)
    assert 0 <= delay < POLICY.cap_s or delay == 0 == chance


@given(st.lists(st.floats(0, 300), max_size=60))
def test_no_period_ever_sees_more_starts_than_the_policy_allows(moments):
    history, made = RestartHistory(POLICY), []
    for now in sorted(moments):
        if not history.spent(now):
            history.started(now)
            made.append(now)
    for now in made:
        assert sum(now - POLICY.period_s < each <= now for each in made) <= POLICY.intensity

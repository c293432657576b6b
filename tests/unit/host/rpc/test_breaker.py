"""The circuit breaker: values in, values out; no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.rpc.breaker import BreakerPolicy, Breakers, BreakerState, CircuitBreaker

POLICY = BreakerPolicy(in_a_row=3, share=0.5, least=10, window_s=10, open_s=5, open_cap_s=40)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def opened(now=0.0):
    breaker = CircuitBreaker(POLICY)
    for _ in range(POLICY.in_a_row):
        breaker.failed(breaker.admit(now), now, "broken")
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_why():
    breaker = opened()
    assert breaker.state is OPEN
    assert breaker.why == "3 failures in a row, the last: broken"
    assert breaker.admit(4.9) is None


def test_a_success_in_between_is_a_new_row():
    breaker = CircuitBreaker(POLICY)
    for _ in range(4):
        for _ in range(POLICY.in_a_row - 1):
            breaker.failed(breaker.admit(0), 0, "broken")
        for _ in range(5):
            breaker.succeeded(breaker.admit(0), 0)
    assert breaker.state is CLOSED


def test_half_of_enough_calls_within_the_window_open_it_too():
    breaker = CircuitBreaker(POLICY)
    for second in range(5):
        assert breaker.state is CLOSED
        breaker.succeeded(breaker.admit(second), second)
        breaker.failed(breaker.admit(second), second, "broken")
    assert breaker.state is OPEN
    assert breaker.why.startswith("5 of 10 calls in 10 s failed")


def test_what_is_older_than_the_window_counts_no_more():
    breaker = CircuitBreaker(POLICY)
    for second in range(0, 100, 3):
        breaker.succeeded(breaker.admit(second), second)
        breaker.failed(breaker.admit(second), second, "broken")
    assert breaker.state is CLOSED, "never ten calls within ten seconds"


def test_half_open_lets_exactly_one_probe_through_and_its_success_closes_it():
    breaker = opened()
    ticket = breaker.admit(5)
    assert breaker.state is HALF_OPEN
    assert [breaker.admit(now) for now in (5, 6, 1000)] == [None, None, None]
    breaker.succeeded(ticket, 7)
    assert breaker.state is CLOSED
    assert breaker.admit(7) is not None


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_cap():
    breaker, now, waits = opened(), 0.0, []
    for _ in range(6):
        waits.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.failed(breaker.admit(now), now, "broken")
    assert waits == [5, 10, 20, 40, 40, 40]


def test_a_cancelled_probe_goes_back_to_open_for_the_shortest_while():
    breaker = opened()
    breaker.failed(breaker.admit(5), 5, "broken")
    ticket = breaker.admit(15)
    breaker.cancelled(ticket, 16)
    assert breaker.state is OPEN
    assert breaker.admit(20.9) is None
    assert breaker.admit(21) is not None


def test_the_end_of_a_call_from_before_says_nothing_about_the_probe():
    breaker = CircuitBreaker(POLICY)
    slow = breaker.admit(0)
    for _ in range(POLICY.in_a_row):
        breaker.failed(breaker.admit(0), 0, "broken")
    probe = breaker.admit(5)
    breaker.succeeded(slow, 5)
    breaker.failed(slow, 5, "late")
    breaker.cancelled(slow, 5)
    assert breaker.state is HALF_OPEN
    breaker.succeeded(probe, 6)
    assert breaker.state is CLOSED


def test_each_method_has_its_own_and_changes_are_told():
    told = []
    breakers = Breakers(POLICY, lambda method, breaker: told.append((method, breaker.state)))
    for _ in range(POLICY.in_a_row):
        one = breakers.of("predict")
        one.failed(one.admit(0), 0, "broken")
    assert breakers.of("score").admit(0) is not None
    assert breakers.trouble() == "predict is not asked (3 failures in a row, the last: broken)"
    breakers.reset()
    assert breakers.trouble() == ""
    assert told == [("predict", OPEN), ("predict", CLOSED)]


def test_an_answer_that_turned_out_to_be_none_is_a_failure_in_the_row():
    breaker = CircuitBreaker(POLICY)
    for _ in range(POLICY.in_a_row):
        assert breaker.state is CLOSED
        breaker.succeeded(breaker.admit(0), 0)
        breaker.retracted(0, "it is infeasible")
    assert breaker.state is OPEN
    assert "it is infeasible" in breaker.why


def test_a_probe_whose_answer_was_none_opens_it_again_for_longer():
    breaker = opened()
    breaker.succeeded(breaker.admit(5), 6)
    breaker.retracted(6, "it is infeasible")
    assert breaker.state is OPEN
    assert breaker.retry_at == 6 + 10


STEPS = st.lists(
    st.tuples(st.sampled_from(["admit", "succeed", "fail", "cancel"]), st.floats(0, 30), st.integers(0, 8)),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_at_most_one_probe_is_out_and_open_is_open_until_its_time(steps):
    breaker, now, tickets = CircuitBreaker(POLICY), 0.0, []
    for what, later, which in steps:
        now += later
        if what == "admit":
            before, retry_at = breaker.state, breaker.retry_at
            ticket = breaker.admit(now)
            if before is OPEN:
                assert (ticket is not None) == (now >= retry_at)
            elif before is HALF_OPEN:
                assert ticket is None
            else:
                assert ticket is not None
            if ticket is not None:
                tickets.append(ticket)
        elif tickets:
            ticket = tickets.pop(which % len(tickets))
            if what == "succeed":
                breaker.succeeded(ticket, now)
            elif what == "fail":
                breaker.failed(ticket, now, "broken")
            else:
                breaker.cancelled(ticket, now)
        if breaker.state is OPEN:
            assert now - 1e-9 <= breaker.retry_at <= now + POLICY.open_cap_s or breaker.retry_at <= now


@given(st.lists(st.booleans(), min_size=POLICY.least, max_size=100))
def test_while_it_is_closed_fewer_than_its_share_failed_and_no_row_was_too_long(ends):
    breaker = CircuitBreaker(POLICY)
    seen = []
    for good in ends:
        ticket = breaker.admit(0)
        if ticket is None:
            break
        seen.append(good)
        if good:
            breaker.succeeded(ticket, 0)
        else:
            breaker.failed(ticket, 0, "broken")
    row = next((at for at, good in enumerate(reversed(seen)) if good), len(seen))
    failures = seen.count(False)
    tripped = row >= POLICY.in_a_row or (
        not seen[-1] and len(seen) >= POLICY.least and failures >= POLICY.share * len(seen)
    )
    assert (breaker.state is OPEN) == tripped


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
def test_a_ticket_is_good_for_one_state_only(end):
    breaker = opened()
    stale = breaker.admit(5)
    breaker.cancelled(stale, 5)
    state = breaker.state
    getattr(breaker, end)(stale, 6, *(["why"] if end == "failed" else []))
    assert breaker.state is state

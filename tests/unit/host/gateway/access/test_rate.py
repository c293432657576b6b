"""The rate that a caller may not exceed, whatever the pattern of its calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.gateway.access.rate import CALLERS, RateLimiter


def test_a_burst_is_let_in_and_then_the_rate() -> None:
    limiter = RateLimiter(10.0, 3)
    assert [limiter.ask("a", 0.0).allowed for _ in range(4)] == [True, True, True, False]
    refused = limiter.ask("a", 0.0)
    assert refused.retry_after_s == pytest.approx(0.1)
    assert not limiter.ask("a", 0.09).allowed
    assert limiter.ask("a", 0.11).allowed


def test_callers_do_not_pay_for_each_other() -> None:
    limiter = RateLimiter(1.0, 1)
    assert limiter.ask("a", 0.0).allowed
    assert limiter.ask("b", 0.0).allowed
    assert not limiter.ask("a", 0.0).allowed


def test_calls_counted_afterwards_are_paid_for_by_the_next() -> None:
    limiter = RateLimiter(10.0, 10)
    assert limiter.ask("a", 0.0).allowed
    limiter.charge("a", 0.0, 19)
    assert not limiter.ask("a", 0.9).allowed
    assert limiter.ask("a", 1.2).allowed


def test_an_answer_says_what_is_left_and_a_refusal_when_to_come_back() -> None:
    limiter = RateLimiter(0.5, 2)
    said = limiter.ask("a", 0.0).headers()
    assert said == {"RateLimit-Limit": "2", "RateLimit-Remaining": "1", "RateLimit-Reset": "2"}
    limiter.ask("a", 0.0)
    assert limiter.ask("a", 0.0).headers()["Retry-After"] == "2"


def test_any_number_of_callers_takes_bounded_memory() -> None:
    limiter = RateLimiter(1.0, 1)
    for number in range(CALLERS + 10):
        limiter.ask(str(number), 0.0)
    assert len(limiter._arrival) == CALLERS


@given(
    rate=st.floats(0.1, 100.0),
    burst=st.integers(1, 20),
    gaps=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
)
def test_no_window_ever_lets_in_more_than_its_burst_and_its_rate(rate, burst, gaps) -> None:
    limiter = RateLimiter(rate, burst)
    now, let_in = 0.0, []
    for gap in gaps:
        now += gap
        verdict = limiter.ask("a", now)
        if verdict.allowed:
            let_in.append(now)
        else:
            assert verdict.retry_after_s > 0
            assert RateLimiter.ask(limiter, "a", now + verdict.retry_after_s + 1e-6, 1).allowed
            let_in.append(now + verdict.retry_after_s + 1e-6)
            now += verdict.retry_after_s + 1e-6
    for start in range(len(let_in)):
        for end in range(start, len(let_in)):
            assert end - start + 1 <= burst + rate * (let_in[end] - let_in[start]) + 1e-3

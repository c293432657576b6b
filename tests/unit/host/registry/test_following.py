"""What is new in a log since the last look."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.registry.following import news_of


def test_to_a_follower_that_begins_now_nothing_is_news():
    assert news_of(1, 9, ["eight", "nine"], None) == ([], 0, {1: 9})


def test_of_a_version_that_is_new_everything_is():
    assert news_of(2, 3, ["two", "three"], {1: 9}) == (["two", "three"], 1, {2: 3})


@given(st.lists(st.integers(0, 20), max_size=20), st.integers(1, 8))
def test_looks_together_tell_every_line_once_or_count_it_as_lost(written, kept):
    mark, told, lost, lines = {}, [], 0, []
    for more in written:
        lines += [str(len(lines) + n) for n in range(more)]
        news = news_of(1, len(lines), lines[-kept:], mark)
        told, lost, mark = told + news.lines, lost + news.lost, news.mark
    assert len(told) + lost == len(lines)
    assert told == sorted(set(told), key=int)

"""The cache of answers: what counts as the same question, how long an answer is good, and when it is dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.engine.cache import AnswerCache, key_of
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.problems import OptimizeRequest


def answer(number=0):
    return Answer(
        request_id=str(number),
        success=True,
        metrics=AnswerMetrics(1, 1.0),
        decided_by=None,
        strategy="best",
        degraded=False,
        candidates=[],
    )


def test_requests_that_differ_in_id_and_deadline_alone_have_one_key() -> None:
    one = OptimizeRequest("a", "resource", {"x": 1, "y": [2]}, deadline_ms=50)
    same = OptimizeRequest("b", "resource", {"y": [2], "x": 1})
    assert key_of(one) == key_of(same)
    for other in (
        OptimizeRequest("a", "performance", {"x": 1, "y": [2]}),
        OptimizeRequest("a", "resource", {"x": 1, "y": [3]}),
        OptimizeRequest("a", "resource", {"x": 1, "y": [2]}, {"maxNodes": 1}),
        OptimizeRequest("a", "resource", {"x": 1, "y": [2]}, strategy="priority"),
    ):
        assert key_of(other) != key_of(one)


def test_an_answer_is_good_for_its_time_and_in_its_state_of_the_plugins() -> None:
    cache = AnswerCache(entries=2, ttl_s=10)
    cache.put(b"k", "state", answer(), now=0)
    assert cache.get(b"k", "state", now=9.9) is not None
    assert cache.get(b"k", "other model", now=9.9) is None
    assert cache.get(b"k", "state", now=9.9) is None  # dropped for good
    cache.put(b"k", "state", answer(), now=0)
    assert cache.get(b"k", "state", now=10) is None
    stats = cache.statistics()
    assert (stats.hits, stats.misses, stats.dropped, stats.expired, stats.size) == (1, 3, 1, 1, 0)
    assert stats.hit_rate == 0.25


def test_the_least_recently_used_makes_room() -> None:
    cache = AnswerCache(entries=2, ttl_s=10)
    for key in (b"a", b"b"):
        cache.put(key, 0, answer(), now=0)
    cache.get(b"a", 0, now=1)
    cache.put(b"c", 0, answer(), now=1)
    assert [cache.get(key, 0, now=1) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    assert cache.statistics().evictions == 1


def test_a_cache_of_no_entries_keeps_nothing() -> None:
    cache = AnswerCache(entries=0, ttl_s=10)
    cache.put(b"a", 0, answer(), now=0)
    assert not cache.is_on and cache.get(b"a", 0, now=0) is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 1), st.booleans(), st.integers(0, 5)), max_size=60
    )
)
def test_what_is_found_was_put_last_for_this_key_in_this_state_and_is_young_enough(steps) -> None:
    cache, model, now = AnswerCache(entries=2, ttl_s=7), {}, 0.0
    for number, (name, state, puts, later) in enumerate(steps):
        now += later
        if puts:
            cache.put(name.encode(), state, answer(number), now)
            model[name] = (state, number, now + 7)
        else:
            found = cache.get(name.encode(), state, now)
            if found is not None:
                kept_state, put, until = model[name]
                assert (kept_state, str(put)) == (state, found.request_id) and now < until
        assert cache.statistics().size <= 2

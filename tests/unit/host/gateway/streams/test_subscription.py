"""What a slow reader is sent, and what it is told that it lost."""

from __future__ import annotations

import json
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from host.gateway.streams.event import DATA_LIMIT, Event
from host.gateway.streams.subscription import Subscription


def event(seq: int, key: str = "", topic: str = "decisions") -> Event:
    return Event(seq, topic, 0.0, key, {"n": seq})  # type: ignore[arg-type]


def taken(subscription: Subscription) -> list[tuple[int, int]]:
    found = []
    while (each := subscription.take()) is not None:
        found.append((each[0].seq, each[1]))
    return found


def test_events_come_in_order_and_none_of_another_topic() -> None:
    subscription = Subscription("s", ["decisions"])
    for seq in range(3):
        subscription.put(event(seq))
    subscription.put(event(9, topic="logs"))
    assert taken(subscription) == [(0, 0), (1, 0), (2, 0)]


def test_drop_oldest_loses_from_the_front_and_says_how_many() -> None:
    subscription = Subscription("s", ["decisions"], "dropOldest", limit=2)
    for seq in range(5):
        subscription.put(event(seq))
    assert taken(subscription) == [(3, 3), (4, 0)]
    assert subscription.dropped_total == 3


def test_latest_keeps_the_newest_of_each_key() -> None:
    subscription = Subscription("s", ["decisions"], "latest", limit=10)
    for seq, key in enumerate(["a", "b", "a", "a"]):
        subscription.put(event(seq, key))
    assert taken(subscription) == [(1, 2), (3, 0)]


def test_close_ends_the_subscription_of_who_does_not_read() -> None:
    subscription = Subscription("s", ["decisions"], "close", limit=2)
    for seq in range(3):
        subscription.put(event(seq))
    assert subscription.closed is not None
    assert "2 events waited" in subscription.closed
    assert taken(subscription) == []
    subscription.put(event(9))
    assert len(subscription) == 0


@given(
    st.sampled_from(["latest", "dropOldest"]),
    st.integers(1, 5),
    st.lists(st.one_of(st.sampled_from("abc"), st.none()), max_size=60),
)
def test_nothing_is_lost_without_being_counted_and_the_queue_stays_bounded(policy, limit, steps) -> None:
    """A letter is an event with this key, None is the reader taking one."""
    subscription = Subscription("s", ["decisions"], policy, limit)
    put, got, lost = 0, 0, 0
    seen: deque[int] = deque()
    for step in steps:
        if step is not None:
            put += 1
            subscription.put(event(put, step))
        elif (each := subscription.take()) is not None:
            got, lost = got + 1, lost + each[1]
            seen.append(each[0].seq)
        assert len(subscription) <= limit
    assert put == got + lost + subscription.dropped + len(subscription)
    assert list(seen) == sorted(seen)


def test_an_event_is_strict_json_with_its_number_and_what_was_lost() -> None:
    members = json.loads(b"{" + event(7).members(dropped=2) + b"}")
    assert members == {"seq": 7, "topic": "decisions", "atMs": 0.0, "data": {"n": 7}, "dropped": 2}
    assert "dropped" not in json.loads(b"{" + event(7).members() + b"}")


def test_an_event_that_is_too_large_is_left_out_and_said_to_be() -> None:
    large = Event(1, "logs", 0.0, "", "x" * (DATA_LIMIT + 1))
    assert json.loads(b"{" + large.members() + b"}")["data"] == {"tooLarge": DATA_LIMIT + 3}

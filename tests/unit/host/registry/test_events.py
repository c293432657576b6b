"""The feed of events."""

from __future__ import annotations

import logging

from host.registry.events import EventFeed


def test_everyone_hears_everything_in_order_and_the_numbers_have_no_gaps():
    feed, one, two = EventFeed(), [], []
    feed.subscribe(one.append)
    feed.publish("plugin:registered", "a", 1.0)
    feed.subscribe(two.append)
    feed.publish("plugin:error", "a", 2.0, {"cause": "exit"})
    assert [event.seq for event in one] == [1, 2]
    assert [event.topic for event in one] == ["plugin:registered", "plugin:error"]
    assert two == one[1:]
    assert one[1].detail == {"cause": "exit"}


def test_a_listener_that_has_left_hears_no_more_and_may_leave_twice():
    feed, heard = EventFeed(), []
    leave = feed.subscribe(heard.append)
    leave()
    leave()
    feed.publish("plugin:state", "a", 1.0)
    assert heard == []


def test_a_listener_that_fails_is_logged_and_keeps_nobody_from_hearing(caplog):
    feed, heard = EventFeed(), []

    def fail(event):
        raise RuntimeError("my own fault")

    feed.subscribe(fail)
    feed.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        feed.publish("plugin:state", "a", 1.0)
    assert len(heard) == 1
    assert caplog.records[0].message == "events.listener_failed"


def test_a_listener_may_leave_while_it_is_told():
    feed, heard = EventFeed(), []
    leaves = []
    leaves.append(feed.subscribe(lambda event: leaves[0]()))
    feed.subscribe(heard.append)
    feed.publish("plugin:state", "a", 1.0)
    feed.publish("plugin:state", "a", 2.0)
    assert len(heard) == 2


def test_what_a_listener_causes_is_told_after_what_it_was_told():
    feed, heard = EventFeed(), []

    def answer(event):
        if event.topic == "plugin:error":
            feed.publish("plugin:state", "a", 2.0)

    feed.subscribe(answer)
    feed.subscribe(heard.append)
    feed.publish("plugin:error", "a", 1.0)
    assert [event.topic for event in heard] == ["plugin:error", "plugin:state"]
    assert [event.seq for event in heard] == [1, 2]

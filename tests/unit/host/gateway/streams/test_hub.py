"""Numbers, keeping, and coming back."""

from __future__ import annotations

import pytest

from host.gateway.streams import hub as module
from host.gateway.streams.hub import Hub, TooManyError
from plugin_sdk.contract.decode import ProblemError


def numbers(subscription) -> list[int]:
    found = []
    while (each := subscription.take()) is not None:
        found.append(each[0].seq)
    return found


def test_a_reader_that_comes_back_gets_what_it_has_not_seen() -> None:
    hub = Hub(lambda: 5.0)
    for n in range(4):
        hub.publish("decisions", n)
    subscription, missed = hub.subscribe(["decisions"], resume_from=5002)
    assert (numbers(subscription), missed) == ([5003, 5004], 0)


def test_a_reader_that_was_away_for_too_long_is_told_how_much_it_missed_at_most(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    hub = Hub(lambda: 0.0)
    for n in range(5):
        hub.publish("decisions", n)
    subscription, missed = hub.subscribe(["decisions"], resume_from=1)
    assert (numbers(subscription), missed) == ([4, 5], 2)


def test_a_reader_that_comes_back_after_a_restart_of_the_host_is_told_that_there_is_a_gap() -> None:
    before = Hub(lambda: 1_000.0)
    before.publish("decisions", 0)
    after = Hub(lambda: 2_000.0)
    after.publish("decisions", 0)
    _, missed = after.subscribe(["decisions"], resume_from=before.seq)
    assert missed > 0


def test_a_topic_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProblemError, match="did you mean 'decisions'"):
        Hub().subscribe(["decision"])


def test_there_are_only_so_many_subscriptions(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    hub = Hub()
    first, _ = hub.subscribe(["logs"])
    with pytest.raises(TooManyError):
        hub.subscribe(["logs"])
    hub.unsubscribe(first)
    hub.subscribe(["logs"])


def test_what_gone_readers_lost_stays_counted() -> None:
    hub = Hub()
    subscription, _ = hub.subscribe(["logs"], limit=1)
    for n in range(3):
        hub.publish("logs", n)
    hub.unsubscribe(subscription)
    assert (hub.dropped, len(hub)) == (2, 0)
    assert not hub.wanted("logs")

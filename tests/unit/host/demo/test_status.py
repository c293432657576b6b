"""Plugin rows are read with nothing taken for granted."""

from __future__ import annotations

from host.demo.status import all_settled, statuses
from host.demo.view import plugin_row


def test_a_row_is_read_by_its_camel_case_names():
    row = {
        "name": "a",
        "version": "1",
        "state": "ready",
        "calls": 3,
        "p50Ms": 1.25,
        "memoryBytes": 1 << 20,
        "restarts": 2,
    }
    (status,) = statuses({"plugins": [row], "count": 1})
    assert plugin_row(status) == ["a@1", "ready", "3", "0", "1.2", "-", "1 MiB", "2", "-"]


def test_what_is_missing_or_strange_shows_as_nothing():
    (status,) = statuses([{"name": "a", "calls": None, "p50Ms": "fast", "memoryBytes": None}, 7])
    assert plugin_row(status) == ["a@?", "?", "0", "0", "-", "-", "-", "0", "-"]
    assert statuses(None) == []


def test_waiting_ends_when_no_plugin_will_change_by_itself():
    assert not all_settled([])
    assert not all_settled(statuses([{"name": "a", "state": "ready"}, {"name": "b", "state": "starting"}]))
    assert all_settled(statuses([{"name": "a", "state": "ready"}, {"name": "b", "state": "quarantined"}]))

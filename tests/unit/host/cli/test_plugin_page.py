"""One plugin as a person sees it."""

from __future__ import annotations

import re

from host.cli.plugin_page import page

VIEW = {
    "name": "forest",
    "state": "quarantined",
    "stateSince": 1_795_519_916_225,
    "config": {"enabled": True, "priority": 0, "config": {}},
    "capabilities": ["predict", "train"],
    "memoryBytes": 50_331_648,
    "calls": 0,
    "trained": False,
    "breakers": {"predict": {"state": "open", "retryAt": 1_795_519_916_225}},
    "author": None,
    "story": ["11:31:55 starting: its manifest is good", "11:31:56 quarantined: it does not import"],
    "manifest": {"name": "forest"},
}


def test_tables_are_spread_and_what_is_empty_or_said_twice_is_left_out() -> None:
    rows = page(VIEW, [])
    assert ("config.enabled", True) in rows
    assert ("config.priority", 0) in rows
    assert ("calls", 0) in rows
    assert ("trained", False) in rows
    names = [name for name, _ in rows]
    assert not {"author", "config.config", "breakers", "manifest"} & set(names)
    assert not any(isinstance(value, dict | list) for _, value in rows)


def test_times_are_times_and_sizes_have_a_unit() -> None:
    rows = dict(page(VIEW, []))
    for name in ("stateSince", "breakers.predict.retryAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(rows[name]))
    assert rows["memoryBytes"] == "48 MiB"
    assert rows["capabilities"] == "predict, train"


def test_a_story_and_the_last_of_the_log_have_a_line_each() -> None:
    rows = page(VIEW, ["Traceback", "SystemExit: 3"])
    at = rows.index(("story", VIEW["story"][0]))
    assert rows[at + 1] == ("", VIEW["story"][1])
    assert rows[-2:] == [("log", "Traceback"), ("", "SystemExit: 3")]

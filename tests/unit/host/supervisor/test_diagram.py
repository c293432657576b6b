"""The lifecycle's page."""

from __future__ import annotations

import re
from pathlib import Path

from host.supervisor.diagram import diagram, page
from host.supervisor.lifecycle import TRANSITIONS, Event, PluginState

ROOT = Path(__file__).resolve().parents[4]


def test_every_step_of_the_table_is_an_arrow_and_there_are_no_others():
    drawn = {}
    for was, now, events in re.findall(r"(\w+) --> (\w+): (.+)", diagram(TRANSITIONS)):
        for event in events.split(", "):
            drawn[PluginState(was), Event(event)] = PluginState(now)
    assert drawn == {(was, event): now for was, row in TRANSITIONS.items() for event, now in row.items()}


def test_the_page_in_the_docs_is_up_to_date():
    written = (ROOT / "docs" / "reference" / "states.md").read_text()
    assert written == page(), "run: python -m host.supervisor.diagram > docs/reference/states.md"

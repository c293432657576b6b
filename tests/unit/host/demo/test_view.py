"""The replay as a line and as tables."""

from __future__ import annotations

import io

from rich.console import Console

from host.demo.options import DemoOptions
from host.demo.replay import Replay
from host.demo.status import statuses
from host.demo.view import Snapshot, line, percent, tables
from host.traces.lublin import lublin_trace


async def unused(method: str, params: dict[str, object]) -> tuple[object, float]:
    raise AssertionError("nothing is asked here")


def shot() -> Snapshot:
    replay = Replay(lublin_trace(20, seed=1), DemoOptions(), unused)
    candidates = [{"by": "builtin:easy", "objective": [4.0]}, {"by": "forest@1", "objective": [3.0]}]
    answer = {
        "success": True,
        "result": {},
        "decidedBy": "forest@1",
        "objective": [3.0],
        "candidates": candidates,
    }
    replay.tally.take("scheduling", answer, 7.5)
    rows = [
        {
            "name": "forest",
            "version": "1",
            "state": "ready",
            "calls": 9,
            "restarts": 0,
            "memoryBytes": 3 << 20,
        },
        {"name": "demo-saboteur", "version": "0", "state": "backoff", "calls": 5, "restarts": 2},
    ]
    return Snapshot(replay, statuses(rows), "http://127.0.0.1:1")


def test_a_line_says_what_was_asked_who_decided_and_by_how_much_it_was_better():
    text = line(shot())
    for part in (
        "jobs 0/20",
        "scheduling 1",
        "forest@1 1",
        "+25.0 %",
        "ready 1/2",
        "restarts 2",
        "unanswered 0",
    ):
        assert part in text


def test_the_tables_show_every_type_and_every_plugin():
    out = io.StringIO()
    Console(file=out, width=140).print(tables(shot()))
    text = out.getvalue()
    for part in (
        "scheduling",
        "ml-driven",
        "resource",
        "performance",
        "forest@1",
        "demo-saboteur@0",
        "backoff",
        "3 MiB",
    ):
        assert part in text


def test_worse_is_shown_with_its_sign():
    assert (percent(-0.031), percent(0.0), percent(None)) == ("-3.1 %", "+0.0 %", "-")

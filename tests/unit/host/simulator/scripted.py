"""A plugin of a few lines, driven without any process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from host.simulator.play import Ask, Play, Played, Reply
from host.traces.job import Trace, TraceJob

Answer = Callable[[Ask, dict[str, Any]], Reply]


def no_answer(ask: Ask, params: dict[str, Any]) -> Reply:
    return Reply()


def played(play: Play, answer: Answer = no_answer) -> tuple[Played, list[tuple[str, dict[str, Any]]]]:
    """Plays to the end with a scripted plugin; what came of it, and every question."""
    asked: list[tuple[str, dict[str, Any]]] = []
    try:
        ask = next(play)
        while True:
            params = msgspec.json.decode(ask.params)
            asked.append((ask.method, params))
            ask = play.send(answer(ask, params))
    except StopIteration as finished:
        return finished.value, asked


def log_of(jobs: Sequence[TraceJob], procs: int = 32) -> Trace:
    return Trace("log", procs, list(jobs), "log.csv", "made up")

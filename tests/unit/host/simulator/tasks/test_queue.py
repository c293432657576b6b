from __future__ import annotations

import random
from itertools import takewhile
from typing import Any

import msgspec
import pytest

from host.errors import ConfigError
from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks import queue
from host.simulator.tasks.queue import QueueTask, window_starts
from host.traces.job import Trace, TraceJob

from ..scripted import log_of, played


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Trace:
    monkeypatch.setattr(queue, "WINDOW", 60)
    monkeypatch.setattr(queue, "WINDOWS", 2)
    chance = random.Random(2)
    jobs = [
        TraceJob(str(n), 20.0 * n, float(chance.choice([5, 60, 400])), chance.choice([1, 8, 20]), 500.0, "u")
        for n in range(400)
    ]
    return log_of(jobs)


def shortest(ask: Ask, params: dict[str, Any]) -> Reply:
    if ask.method != "score":
        return Reply()
    return Reply(scores=[-each["requestedTime"] for each in params["candidates"]])


def test_a_plugin_that_scores_like_a_built_in_gets_its_schedule(small: Trace) -> None:
    task = QueueTask([small], Options())
    for case in task.cases():
        mine, _ = played(task.play(case, Advice(methods=frozenset({"score"}))), shortest)
        rule = alone(task.play(case, Advice("sjf")))
        assert mine.metrics == rule.metrics
        assert mine.curves == rule.curves != {} and mine.bars == rule.bars != []


def test_what_has_ended_is_learnt_and_nothing_else(small: Trace) -> None:
    task = QueueTask([small], Options())
    _, asked = played(task.play(task.cases()[0], Advice(methods=frozenset({"score", "learn"}))), shortest)
    told: list[tuple[float, str]] = []
    seen = 0
    for method, params in asked:
        if method == "learn":
            told += [(p["timestamp"] + p["duration"], p["metadata"]["jobId"]) for p in params["points"]]
        else:
            assert all(end <= params["task"]["now"] for end, _ in told)
            seen += 1
    assert seen and told and len({name for _, name in told}) == len(told)


def poisoned(log: Trace, moment_s: float) -> Trace:
    """The same up to a moment; other jobs come after it."""
    return log_of(
        [
            job if job.submit_s <= moment_s else msgspec.structs.replace(job, run_s=9.0, procs=1)
            for job in log.jobs
        ]
    )


def long_lived(log: Trace, moment_s: float) -> Trace:
    """The same, but that jobs which cannot have ended at a moment run longer."""
    return log_of(
        [
            msgspec.structs.replace(job, run_s=500.0) if job.submit_s + job.run_s > moment_s else job
            for job in log.jobs
        ]
    )


@pytest.mark.parametrize("poison", [poisoned, long_lived])
def test_nothing_that_a_plugin_is_told_depends_on_the_future(small: Trace, poison: Any) -> None:
    [first, _] = QueueTask([small], Options()).cases()
    start = int(first.key.rsplit("/", 1)[1])
    moment_s = small.jobs[start + 55].submit_s
    heard = []
    for log in (small, poison(small, moment_s)):
        task = QueueTask([log], Options())
        _, asked = played(task.play(first, Advice(methods=frozenset({"score", "learn"}))), shortest)
        until = list(
            takewhile(lambda each: each[0] == "learn" or each[1]["task"]["now"] <= moment_s * 1000, asked)
        )
        # What was learnt last may be of later than the moment: it is told at the first question beyond it.
        while until and until[-1][0] == "learn":
            until.pop()
        heard.append(until)
    assert heard[0] == heard[1]
    assert {method for method, _ in heard[0]} == {"score", "learn"}


def test_windows_begin_where_the_published_ones_do() -> None:
    assert window_starts(1, 10_000) == window_starts(1, 10_000)
    assert all(1024 <= start < 10_000 - 1025 for start in window_starts(1, 10_000))
    assert window_starts(1, 10_000) != window_starts(2, 10_000)


def test_a_log_too_short_for_windows_is_refused() -> None:
    with pytest.raises(ConfigError, match="windows need"):
        QueueTask([log_of([TraceJob("1", 0.0, 1.0, 1, 1.0, "u")])], Options())

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from host.errors import ConfigError
from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.asking import run_time_question
from host.simulator.tasks.batch import BatchTask
from host.traces.job import Trace

from ..scripted import log_of, no_answer, played

BOTH = Advice(methods=frozenset({"predict", "score", "learn"}))
FREE = Options(guard=False)


def case(task: BatchTask) -> Any:
    return task.cases()[0]


def slowdown(log: Trace, builtin: str) -> float:
    task = BatchTask([log], FREE)
    return alone(task.play(case(task), Advice(builtin))).metrics["bounded slowdown"]


def test_a_plugin_that_says_nothing_gets_the_schedule_of_easy_without_its_own_planning(log: Trace) -> None:
    task = BatchTask([log], FREE)
    result, asked = played(task.play(case(task), BOTH))
    assert result.fallbacks == sum(method in ("predict", "score") for method, _ in asked) > 0
    assert result.metrics["bounded slowdown"] == pytest.approx(slowdown(log, "easy"), rel=0.05)


def shortest(ask: Ask, params: dict[str, Any]) -> Reply:
    if ask.method == "score":
        return Reply(scores=[-each["requestedTime"] for each in params["candidates"]])
    return Reply(value=params["input"]["requestedTime"]) if ask.method == "predict" else Reply()


def longest(ask: Ask, params: dict[str, Any]) -> Reply:
    if ask.method == "score":
        return Reply(scores=[each["requestedTime"] * each["procs"] for each in params["candidates"]])
    return no_answer(ask, params)


def test_an_order_that_helps_shows_in_the_slowdown(log: Trace) -> None:
    task = BatchTask([log], FREE)
    result, _ = played(task.play(case(task), BOTH), shortest)
    assert result.metrics["bounded slowdown"] < 0.8 * slowdown(log, "easy")
    assert result.fallbacks == 0


def test_the_guard_bounds_what_a_harmful_plugin_costs(log: Trace) -> None:
    free, guarded = BatchTask([log], FREE), BatchTask([log], Options())
    harmed, _ = played(free.play(case(free), BOTH), longest)
    held, _ = played(guarded.play(case(guarded), BOTH), longest)
    easy = slowdown(log, "easy")
    assert harmed.metrics["bounded slowdown"] > 1.2 * easy
    assert held.metrics["guard trips"] >= 1
    assert held.metrics["bounded slowdown"] < harmed.metrics["bounded slowdown"]


def test_outcomes_are_learnt_after_they_have_happened_each_once(log: Trace) -> None:
    task = BatchTask([log], FREE)
    now = -math.inf
    told: list[str] = []
    ended = -math.inf
    _, asked = played(task.play(case(task), BOTH), shortest)
    for method, params in asked:
        if method == "learn":
            for point in params["points"]:
                told.append(point["metadata"]["jobId"])
                pending = point["timestamp"] + point["duration"]
                assert pending >= now or math.isclose(pending, now)
                ended = max(ended, pending)
        else:
            now = params["task"]["now"] if method == "score" else params["input"]["submit"]
            assert ended <= now or math.isclose(ended, now)
    assert len(told) == len(set(told)) > 100


def test_a_question_about_a_run_time_is_the_same_whatever_came_of_the_job(log: Trace) -> None:
    for job in log.jobs[:50]:
        other = msgspec.structs.replace(job, run_s=job.run_s / 3 + 1)
        assert run_time_question(job) == run_time_question(other)


def poisoned(log: Trace, after_s: float) -> Trace:
    """The same log, but for the run times of jobs submitted after a moment, and of what comes then at all."""
    jobs = [
        job
        if job.submit_s <= after_s
        else msgspec.structs.replace(job, run_s=job.requested_s, user="nobody", procs=32)
        for job in log.jobs
    ]
    return log_of(jobs)


def long_lived(log: Trace, after_s: float) -> Trace:
    """The same log, but that jobs submitted shortly before a moment run to the end of what they asked for."""
    jobs = [
        msgspec.structs.replace(job, run_s=job.requested_s)
        if after_s - 300 < job.submit_s <= after_s and job.run_s > 300
        else job
        for job in log.jobs
    ]
    return log_of(jobs)


@pytest.mark.parametrize("poison", [poisoned, long_lived])
@pytest.mark.parametrize("options", [FREE, Options()], ids=["free", "guarded"])
def test_nothing_that_a_plugin_is_told_depends_on_the_future(
    log: Trace, poison: Any, options: Options
) -> None:
    """Two logs that are the same up to a moment, and differ beyond, are the same to a plugin up to that moment."""
    moment_s = log.jobs[len(log.jobs) // 2].submit_s
    heard = []
    for each in (log, poison(log, moment_s)):
        task = BatchTask([each], options)
        _, asked = played(task.play(case(task), BOTH), shortest)
        until = []
        for method, params in asked:
            if method == "predict" and params["input"]["submit"] > moment_s * 1000:
                break
            if method == "score" and params["task"]["now"] > moment_s * 1000:
                break
            until.append((method, params))
        # What was learnt last may be of later than the moment: it is told at the first question beyond it.
        while until and until[-1][0] == "learn":
            until.pop()
        heard.append(until)
    assert len(heard[0]) > 100
    assert heard[0] == heard[1]


def test_the_same_run_asks_and_answers_the_same_twice(log: Trace) -> None:
    runs = []
    for _ in range(2):
        task = BatchTask([log], Options())
        result, asked = played(task.play(case(task), BOTH), shortest)
        runs.append((msgspec.to_builtins(result), asked))
    assert runs[0] == runs[1]


def test_training_comes_as_the_outcomes_grow_by_half(log: Trace) -> None:
    task = BatchTask([log], FREE)
    _, asked = played(task.play(case(task), Advice(methods=frozenset({"predict", "train"}))))
    sizes = [len(params["points"]) for method, params in asked if method == "train"]
    assert sizes[0] >= 50
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(sizes))


def test_a_plugin_with_nothing_to_ask_is_refused(log: Trace) -> None:
    task = BatchTask([log], FREE)
    with pytest.raises(ConfigError, match="neither predict nor score"):
        played(task.play(case(task), Advice(methods=frozenset({"optimize"}))))

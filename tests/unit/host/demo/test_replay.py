"""The replay against a host whose answers are scripted: the built-in's, or something worse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.demo.caller import CallFailedError
from host.demo.cluster import mean_bounded_slowdown
from host.demo.options import DemoOptions
from host.demo.replay import RECORD_LOT, Replay
from host.demo.shadow import play_alone
from host.demo.summary import Ending, succeeded, summary
from host.solvers.queue import easy
from host.traces.lublin import lublin_trace
from plugin_sdk.contract.problems import QueueProblem, parse_problem, parse_request

TRACE = lublin_trace(150, seed=4)


class ScriptedHost:
    """Answers queues with EASY, and everything else with the least that is an answer."""

    def __init__(self) -> None:
        self.points: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []

    async def call(self, method: str, params: dict[str, Any]) -> tuple[Any, float]:
        if method == "workload.record":
            self.points += params["points"]
            return {"recorded": len(params["points"])}, 0.1
        if method == "plugins.list":
            return {
                "plugins": [{"name": "a", "supportedTypes": ["ml-driven"], "trainedPoints": len(self.points)}]
            }, 0.1
        self.requests.append(params)
        return self.answer(params), 0.1

    def answer(self, params: dict[str, Any]) -> dict[str, Any]:
        problem = parse_problem(parse_request(params))
        result: dict[str, Any] = {}
        if isinstance(problem, QueueProblem):
            result = msgspec.to_builtins(easy(problem))
        elif params["type"] == "performance":
            result = {"suggestions": [{"params": {"ageWeight": 1.0, "sizeExponent": 0.5}}]}
        elif params["type"] == "ml-driven":
            result = {"prediction": params["data"]["requestedTime"]}
        return {"success": True, "result": result, "decidedBy": "builtin:x", "candidates": []}


class BrokenHost(ScriptedHost):
    def answer(self, params: dict[str, Any]) -> dict[str, Any]:
        raise CallFailedError("engine.optimize: no answer")


async def played(host: ScriptedHost, **options: Any) -> Replay:
    replay = Replay(TRACE, DemoOptions(**options), host.call)
    await replay.run()
    return replay


async def test_a_host_that_decides_as_the_built_in_gives_the_built_ins_schedule():
    replay = await played(ScriptedHost())
    alone = play_alone(TRACE.jobs, TRACE.procs, easy)
    assert {each.job.id: each.start_ms for each in replay.timeline.done} == {
        each.job.id: each.start_ms for each in alone
    }
    assert replay.mean_slowdown == mean_bounded_slowdown(alone)
    assert succeeded(replay)


async def test_all_four_types_are_asked_with_ids_of_their_own():
    host = ScriptedHost()
    replay = await played(host)
    assert {request["type"] for request in host.requests} == {
        "scheduling",
        "ml-driven",
        "resource",
        "performance",
    }
    assert len({request["id"] for request in host.requests}) == len(host.requests)
    assert 20 <= len(replay.tuning.observations) <= 30


async def test_predictions_are_asked_for_once_a_plugin_has_trained_and_not_before():
    host = ScriptedHost()
    replay = await played(host)
    since = replay.predicting_since
    assert since is not None
    assert since > RECORD_LOT
    # From that job on, every one (several may have come at that instant).
    assert (
        len(TRACE.jobs) - since + 1 <= replay.tally.types["ml-driven"].asked <= len(TRACE.jobs) - RECORD_LOT
    )
    assert host.requests[0]["type"] != "ml-driven"


async def test_every_job_that_ends_is_recorded_once():
    host = ScriptedHost()
    replay = await played(host)
    assert sorted(point["metadata"]["jobId"] for point in host.points) == sorted(job.id for job in TRACE.jobs)
    assert replay.tally.recorded == len(TRACE.jobs)
    assert len(TRACE.jobs) > RECORD_LOT


async def test_a_host_that_never_answers_is_reported_and_the_replay_still_ends():
    replay = await played(BrokenHost())
    assert replay.tally.answered == 0
    assert replay.tally.unanswered == replay.tally.asked > 0
    assert not succeeded(replay)


async def test_the_time_bound_ends_the_replay_and_the_rest_is_left_to_the_built_in():
    replay = await played(ScriptedHost(), seconds=1e-9)
    assert replay.stopped_early
    assert 0 < len(replay.timeline.done) == replay.timeline.admitted < len(TRACE.jobs)


async def test_the_summary_says_what_happened(tmp_path: Path):
    replay = await played(ScriptedHost())
    text = summary(Ending(replay, [], {}, {"totalRequests": 12}, "http://127.0.0.1:1", tmp_path, False))
    assert f"Replayed {len(TRACE.jobs)} jobs" in text
    assert "realised mean bounded slowdown" in text
    assert "no difference" in text
    assert "history holds 12 points" in text
    assert text.startswith(
        f"In short: a cluster's scheduler asked a host {replay.tally.asked} times what to do"
    )
    assert f"Jobs took {replay.mean_slowdown:.2f} times as long as they had to" in text


async def test_the_commands_to_try_next_can_be_copied_whether_or_not_the_path_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    replay = await played(ScriptedHost())
    for path, command in ((tmp_path, "/engine-ops "), (Path(sys.executable).parent, " engine-ops ")):
        monkeypatch.setenv("PATH", str(path))
        text = summary(Ending(replay, [], {}, {}, "http://127.0.0.1:1", tmp_path, False))
        tried = text.partition("Try next")[2].splitlines()[1:]
        assert [command in line for line in tried] == [True] * 3

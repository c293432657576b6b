from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
HOUR_MS = 3_600_000.0

pytestmark = pytest.mark.skipif(
    not shutil.which("node"), reason="this machine has no node: nothing was tried"
)


def conversation(*lines: dict[str, Any], config: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What the plugin answers to these lines, all of them sent at once."""
    params = {"protocol": {"min": 1, "max": 1}, "config": config or {}}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    sent = "".join(json.dumps(each) + "\n" for each in (hello, *lines))
    done = subprocess.run(
        ["node", "plugin.js"], cwd=FOLDER, input=sent.encode(), capture_output=True, timeout=30, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def decided(*problems: dict[str, Any], config: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    asked = [
        {"jsonrpc": "2.0", "id": number, "method": "optimize", "params": {"type": "scheduling", "data": data}}
        for number, data in enumerate(problems, 1)
    ]
    return [each["result"]["result"] for each in conversation(*asked, config=config)[1:]]


def job(name: str, procs: int, hours: float, submit: float = 0.0) -> dict[str, Any]:
    return {"id": name, "submit": submit, "procs": procs, "requestedTime": hours * HOUR_MS}


def queue(jobs: list[dict[str, Any]], procs: int, now: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"jobs": jobs, "cluster": {"procs": procs}, "now": now, **more}


def test_the_shortest_job_goes_first() -> None:
    (answer,) = decided(queue([job("long", 4, 9), job("short", 4, 1), job("middle", 4, 3)], 4))
    assert answer == {"start": ["short"], "order": ["short", "middle", "long"], "reservations": []}


def test_a_job_that_waits_long_enough_passes_shorter_ones() -> None:
    problem = queue([job("old", 4, 9), job("new", 4, 1, 100 * HOUR_MS)], 4, now=100 * HOUR_MS)
    patient, impatient = (decided(problem, config={"patience_ms": h * HOUR_MS})[0] for h in (1000, 10))
    assert patient["order"] == ["new", "old"]
    assert impatient["order"] == ["old", "new"]


def test_a_later_job_starts_only_where_it_does_not_delay_the_one_that_waits() -> None:
    running = [{"id": "r", "procs": 6, "start": 0, "requestedTime": 2 * HOUR_MS}]
    jobs = [job("wide", 8, 1), job("fits before", 2, 1.5), job("fits beside", 2, 5), job("would delay", 2, 6)]
    (answer,) = decided(queue(jobs, 10, running=running))
    assert answer["order"][0] == "wide"
    assert answer["start"] == ["fits before", "fits beside"]


def test_a_promised_job_goes_before_all_others() -> None:
    problem = queue(
        [job("short", 4, 1), job("promised", 4, 9)], 4, reservations=[{"job": "promised", "start": 0}]
    )
    assert decided(problem)[0]["start"] == ["promised"]


def test_every_answer_keeps_the_rules_on_random_queues() -> None:
    chance = random.Random(9)
    problems = []
    for _ in range(60):
        procs = chance.randint(1, 40)
        jobs = [
            job(f"j{i}", chance.randint(1, procs), chance.uniform(0, 30))
            for i in range(chance.randint(1, 30))
        ]
        taken = chance.randint(0, procs)
        running = [
            {"id": f"r{i}", "procs": 1, "start": 0, "requestedTime": chance.uniform(0, 9e7)}
            for i in range(taken)
        ]
        problems.append(queue(jobs, procs, now=HOUR_MS, running=running))
    for problem, answer in zip(problems, decided(*problems), strict=True):
        sizes = {each["id"]: each["procs"] for each in problem["jobs"]}
        free = problem["cluster"]["procs"] - len(problem["running"])
        assert sorted(answer["order"]) == sorted(sizes)
        assert len(set(answer["start"])) == len(answer["start"])
        assert sum(sizes[name] for name in answer["start"]) <= free
        assert answer["start"] or sizes[answer["order"][0]] > free


def test_one_task_requests_are_left_to_others() -> None:
    params = {"type": "scheduling", "data": {"task": {"id": "t"}, "nodes": []}}
    answers = conversation({"jsonrpc": "2.0", "id": 1, "method": "optimize", "params": params})
    assert answers[1]["result"]["abstained"] is True


def test_a_setting_that_makes_no_sense_is_refused_by_name() -> None:
    (answer,) = conversation(config={"patience_ms": -1})
    assert answer["error"]["code"] == -32602
    assert "patience_ms is -1" in answer["error"]["message"]


def test_a_fault_in_one_call_is_answered_and_the_next_works() -> None:
    broken = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "optimize",
        "params": {"type": "scheduling", "data": {"jobs": [1]}},
    }
    answers = conversation(broken, {"jsonrpc": "2.0", "id": 2, "method": "ping"})
    assert answers[1]["error"]["code"] == -32016
    assert answers[2]["result"] == {}

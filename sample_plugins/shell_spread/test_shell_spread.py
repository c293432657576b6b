from __future__ import annotations

import json
import random
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
HELLO = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocol": {"min": 1, "max": 1}}}

pytestmark = pytest.mark.skipif(
    not (shutil.which("sh") and shutil.which("awk")),
    reason="this machine has no sh or no awk: nothing was tried",
)


def conversation(*lines: dict[str, Any] | str) -> list[dict[str, Any]]:
    """What the plugin answers to these lines, all of them sent at once; the answer to initialize left out."""
    sent = "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in (HELLO, *lines))
    done = subprocess.run(
        ["./plugin.sh"], cwd=FOLDER, input=sent.encode(), capture_output=True, timeout=30, check=True
    )
    assert done.stderr == b""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers.pop(0)["result"]["protocol"] == 1
    return answers


def ask(number: int, task: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    params = {"type": "scheduling", "data": {"task": task, "nodes": nodes}, "_meta": {"deadlineMs": 500.0}}
    return {"jsonrpc": "2.0", "id": number, "method": "optimize", "params": params}


def node(name: str, cpu: float, memory: float) -> dict[str, Any]:
    return {"id": name, "cpuLoad": cpu, "memoryLoad": memory}


def test_it_chooses_as_the_rule_says_on_random_clusters() -> None:
    chance = random.Random(1)
    asked, wanted = [], []
    for number in range(1, 60):
        task = {"id": "t", "cpuRequired": chance.randint(0, 60), "memoryRequired": chance.uniform(0, 60)}
        nodes = [
            node(f"n{i}", chance.uniform(0, 100), chance.randint(0, 100))
            for i in range(chance.randint(1, 12))
        ]
        after = [
            (n["cpuLoad"] + task["cpuRequired"], n["memoryLoad"] + task["memoryRequired"]) for n in nodes
        ]
        best = min(range(len(nodes)), key=lambda i: (max(after[i]) > 100, sum(after[i])))
        asked.append(ask(number, task, nodes))
        wanted.append(nodes[best]["id"])
    answers = conversation(*asked)
    assert [each["id"] for each in answers] == list(range(1, 60))
    assert [each["result"]["result"]["nodeId"] for each in answers] == wanted


@pytest.mark.parametrize("name", ['a "b"', "back\\slash", "curly } , ]", "näh 漢", "", "tab\there", "\u2028"])
def test_a_node_may_have_any_name(name: str) -> None:
    task = {"id": "t", "cpuRequired": 1, "memoryRequired": 1}
    assert conversation(ask(1, task, [node(name, 1, 1)]))[0]["result"] == {"result": {"nodeId": name}}


def test_a_queue_is_left_to_others() -> None:
    params = {"type": "scheduling", "data": {"jobs": [], "cluster": {"procs": 1}, "now": 0}}
    answers = conversation({"jsonrpc": "2.0", "id": "q", "method": "optimize", "params": params})
    assert answers[0]["id"] == "q"
    assert answers[0]["result"]["abstained"] is True


def test_ten_thousand_nodes_are_read_in_time_that_grows_with_their_number() -> None:
    nodes = [node(f"node number {i} of this large cluster", 99 - i / 200, 50) for i in range(10_000)]
    task = {"id": "t", "cpuRequired": 0.1, "memoryRequired": 0.1}
    answers = conversation(ask(1, task, nodes))
    assert answers[0]["result"]["result"]["nodeId"] == nodes[-1]["id"]


@pytest.mark.parametrize(
    "line",
    ["", "{", "[1", "[1,]", '{"a" 1}', '{"a":1,}', "nul", '"open', "{}{}", "01", "[" * 50, "+1", '{"a":}'],
)
def test_what_is_not_json_is_answered_so_and_disturbs_nothing(line: str) -> None:
    *before, last = conversation(line, {"jsonrpc": "2.0", "id": 5, "method": "ping"})
    assert last == {"jsonrpc": "2.0", "id": 5, "result": {}}
    assert [each["error"]["code"] for each in before] in ([-32700], [] if line == "" else [-32700])


def test_each_answer_is_out_before_the_next_question() -> None:
    """A pipe makes awk buffer unless it is told not to; a host would wait for ever."""
    process = subprocess.Popen(["./plugin.sh"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        for number in range(3):
            process.stdin.write(json.dumps({**HELLO, "id": number}).encode() + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 10)
            assert ready, "no answer within 10 s while stdin is open"
            assert json.loads(process.stdout.readline())["id"] == number
    finally:
        process.stdin.close()
        assert process.wait(10) == 0
        process.stdout.close()

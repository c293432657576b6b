from __future__ import annotations

import pytest

from plugin_sdk.contract.problems import ProblemError, parse_one_task

TASK = {"id": "t", "cpuRequired": 10, "memoryRequired": 5}
NODE = {"id": "n", "cpuLoad": 50, "memoryLoad": 20}


def test_a_task_and_its_nodes_are_read() -> None:
    problem = parse_one_task({"task": TASK, "nodes": [NODE]})
    assert (problem.task.cpu_required, problem.nodes[0].cpu_load) == (10.0, 50.0)


def test_a_malformed_task_or_node_names_path_value_and_remedy() -> None:
    with pytest.raises(ProblemError, match=r"data.task.cpuRequired is -1; give a number >= 0"):
        parse_one_task({"task": {**TASK, "cpuRequired": -1}, "nodes": [NODE]})
    with pytest.raises(ProblemError, match=r"data.nodes\[1\].id is \"n\""):
        parse_one_task({"task": TASK, "nodes": [NODE, NODE]})
    with pytest.raises(ProblemError, match=r"data.nodes is missing; .*found 'node'"):
        parse_one_task({"task": TASK, "node": [NODE]})

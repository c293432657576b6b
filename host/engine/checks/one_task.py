"""One task: the node must be one of those given; not overloading it comes first, then the lowest load."""

from __future__ import annotations

import sys
from operator import add

from host.engine.checks.verdict import OK, Objective, Verdict
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.one_task import LoadedNode, OneTaskAnswer, OneTaskProblem


def verify(problem: OneTaskProblem, answer: OneTaskAnswer) -> Verdict:
    """Whether the node exists and may be chosen."""
    if all(node.id != answer.node_id for node in problem.nodes):
        return Verdict(f"node {show(answer.node_id)} is not in the request")
    if problem.allowed is not None and answer.node_id not in problem.allowed:
        return Verdict(
            f"node {show(answer.node_id)} is not one of those allowed: {', '.join(sorted(problem.allowed))}"
        )
    return OK


def objective(problem: OneTaskProblem, answer: OneTaskAnswer) -> Objective:
    """(1 if the task pushes a load over 100 %, else 0; CPU plus memory load after it in percent, not capped)."""
    return _worth(problem, next(node for node in problem.nodes if node.id == answer.node_id))


def bound(problem: OneTaskProblem) -> Objective:
    """The best of all nodes; there are few enough to try each."""
    cpu, memory = problem.loads_after()
    loads = list(map(add, cpu, memory))
    if max(cpu) <= 100.0 and max(memory) <= 100.0:
        return (0.0, min(loads))
    fits = [both for both, one, other in zip(loads, cpu, memory, strict=True) if max(one, other) <= 100.0]
    return (0.0, min(fits)) if fits else (1.0, min(*loads, sys.float_info.max))


def load_after(problem: OneTaskProblem, node: LoadedNode) -> tuple[float, float]:
    """CPU and memory load with the task on it, in percent, not capped."""
    return node.cpu_load + problem.task.cpu_required, node.memory_load + problem.task.memory_required


def _worth(problem: OneTaskProblem, node: LoadedNode) -> Objective:
    cpu, memory = load_after(problem, node)
    return (1.0 if cpu > 100.0 or memory > 100.0 else 0.0, min(cpu + memory, sys.float_info.max))

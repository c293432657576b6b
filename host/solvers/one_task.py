"""One task onto one of several loaded nodes: the least loaded that it does not overload."""

from __future__ import annotations

from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.one_task import OneTaskAnswer, OneTaskProblem


def least_loaded(problem: OneTaskProblem, out_of_time: Stop = never) -> OneTaskAnswer:
    """The node with the lowest CPU plus memory load after the task, among those it does not push over 100 %.

    When it overloads every node, the lowest sum of all. The earliest of equals.

    Source: Graham (1969), Bounds on multiprocessing timing anomalies: a list schedule puts each task on the
    least loaded machine; here on the sum of two loads.
    """
    task, nodes = problem.task, problem.choices

    def after(index: int) -> tuple[bool, float]:
        node = nodes[index]
        cpu, memory = node.cpu_load + task.cpu_required, node.memory_load + task.memory_required
        return (max(cpu, memory) > 100.0, cpu + memory)

    return OneTaskAnswer(nodes[min(range(len(nodes)), key=after)].id)

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
    needs_cpu, needs_memory = problem.task.cpu_required, problem.task.memory_required
    best: str | None = None
    least = float("inf")
    lightest, lightest_sum = problem.choices[0].id, float("inf")  # where it overloads every node
    for node in problem.choices:
        cpu, memory = node.cpu_load + needs_cpu, node.memory_load + needs_memory
        load = cpu + memory
        if cpu <= 100.0 and memory <= 100.0:
            if load < least:
                best, least = node.id, load
        elif load < lightest_sum:
            lightest, lightest_sum = node.id, load
    return OneTaskAnswer(lightest if best is None else best)

"""One task onto one of several loaded nodes: the least loaded that it does not overload."""

from __future__ import annotations

from math import inf
from operator import add

from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.one_task import OneTaskAnswer, OneTaskProblem


def least_loaded(problem: OneTaskProblem, out_of_time: Stop = never) -> OneTaskAnswer:
    """The node with the lowest CPU plus memory load after the task, among those it does not push over 100 %.

    When it overloads every node, the lowest sum of all. The earliest of equals.

    Source: Graham (1969), Bounds on multiprocessing timing anomalies: a list schedule puts each task on the
    least loaded machine; here on the sum of two loads.
    """
    cpu, memory = problem.loads_after()
    loads = list(map(add, cpu, memory))
    if max(cpu) > 100.0 or max(memory) > 100.0:
        fits = [one <= 100.0 and other <= 100.0 for one, other in zip(cpu, memory, strict=True)]
        if any(fits):
            loads = [load if fit else inf for load, fit in zip(loads, fits, strict=True)]
    return OneTaskAnswer(problem.choices[loads.index(min(loads))].id)

"""The CP-SAT model of a task, and the search.

Source: Perron and Furnon, OR-Tools CP-SAT. Bin packing as assignment with a used-bin variable a node: Delorme, Iori and
Martello (2016), Bin packing and cutting stock problems: mathematical models and exact algorithms, section 3.
"""

from __future__ import annotations

import time
from typing import Any

from host.solvers.refine.task import Found, Task

LEAST_S = 0.05  # below it no search is begun
WORKERS = 4  # more than cores: the portfolio's searches help each other


def solve(task: Task) -> Found:
    """Better than the hint, or proof that it is best, or neither by the deadline."""
    from ortools.sat.python import cp_model

    items, nodes = range(len(task.demand)), range(len(task.room))
    weight = len(task.room) + 1 if task.fewest_nodes else 1
    model = cp_model.CpModel()
    on: dict[tuple[int, int], Any] = {}
    for item in items:
        may = task.may[item]
        for node in nodes if may is None else may:
            if all(need <= free for need, free in zip(task.demand[item], task.room[node], strict=True)):
                on[item, node] = model.new_bool_var("")
                model.add_hint(on[item, node], task.hint[item] == node)
        mine = [on[item, node] for node in nodes if (item, node) in on]
        if mine:
            model.add_at_most_one(mine)
    by_node = {node: [item for item in items if (item, node) in on] for node in nodes}
    used = {node: model.new_bool_var("") for node in nodes}
    for node in nodes:
        model.add_hint(used[node], node in task.hint)
        for column, free in enumerate(task.room[node]):
            # Room only where the node is used: the bound of the relaxation is then the amount over the room.
            asked = sum(task.demand[item][column] * on[item, node] for item in by_node[node])
            model.add(asked <= free * used[node])
        for item in by_node[node]:
            model.add_implication(on[item, node], used[node])
    gpu_of = _gpus(task, model, on)
    for group in task.apart:
        for node in nodes:
            model.add_at_most_one(on[item, node] for item in group if (item, node) in on)
    for group in task.together:
        anchor = {node: model.new_bool_var("") for node in nodes}
        model.add_at_most_one(anchor.values())
        for item in group:
            for node in nodes:
                if (item, node) in on:
                    model.add_implication(on[item, node], anchor[node])
    if task.max_nodes is not None:
        model.add(sum(used.values()) <= task.max_nodes)
    placed = sum(on.values())
    unplaced = len(task.demand) - placed
    model.minimize(weight * unplaced + (sum(used.values()) if task.fewest_nodes else 0))
    solver = cp_model.CpSolver()
    left_s = task.deadline - time.monotonic()
    if left_s < LEAST_S:
        return Found([], [], (0, 0), True)
    solver.parameters.max_time_in_seconds = left_s
    solver.parameters.num_workers = WORKERS
    status = solver.solve(model)
    least = max(0, round(solver.best_objective_bound))
    bound = (least // weight, least % weight if task.fewest_nodes else 0)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found([], [], bound, True)
    node_of = [-1] * len(task.demand)
    for (item, node), chosen in on.items():
        if solver.value(chosen):
            node_of[item] = node
    gpus = [
        [gpu for gpu, taken in enumerate(gpu_of.get((item, node_of[item]), ())) if solver.value(taken)]
        for item in items
    ]
    return Found(node_of, gpus, bound, status != cp_model.OPTIMAL)


def _gpus(task: Task, model: Any, on: dict[tuple[int, int], Any]) -> dict[tuple[int, int], list[Any]]:
    """Which GPUs an item takes of a node it is on."""
    taken: dict[tuple[int, int], list[Any]] = {}
    for (item, node), here in on.items():
        count, milli = task.gpu_ask[item]
        if count:
            each = [model.new_bool_var("") for _ in task.gpus[node]]
            model.add(sum(each) == count * here)
            taken[item, node] = each
            for gpu, free in zip(each, task.gpus[node], strict=True):
                if free < milli:
                    model.add(gpu == 0)
    for node, free_milli in enumerate(task.gpus):
        for index, free in enumerate(free_milli):
            shares = [task.gpu_ask[item][1] * gpus[index] for (item, at), gpus in taken.items() if at == node]
            if shares:
                model.add(sum(shares) <= free)
    return taken

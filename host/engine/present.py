"""The public result of a decision, built anew from the answer and the request: what is left on a node, and
which load comes out, is computed here and never taken from a plugin."""

from __future__ import annotations

from typing import Any

from host.engine.checks.one_task import load_after
from host.engine.checks.packing import CAPACITY_SLACK, those_that_fit, total
from host.engine.checks.queue import first_waiting
from host.solvers.projection import Promises
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PlacementProblem,
    Problem,
    QueueProblem,
    TuningProblem,
)
from plugin_sdk.contract.problems.one_task import LoadAfter, OneTaskAnswer
from plugin_sdk.contract.problems.packing import PackingAnswer
from plugin_sdk.contract.problems.placement import PlacementAnswer
from plugin_sdk.contract.problems.queue import QueueAnswer
from plugin_sdk.contract.problems.tuning import ParamValue, TuningAnswer

_EXACT_INTEGERS = 2**53  # floats below it stand for one integer each


def present(problem: Problem, answer: Any) -> dict[str, Any]:
    """The `result` member for an answer that passed its checks; not for predictions."""
    if isinstance(problem, PackingProblem):
        return _packing(problem, answer)
    if isinstance(problem, OneTaskProblem):
        return _one_task(problem, answer)
    if isinstance(problem, PlacementProblem):
        return _placement(answer)
    if isinstance(problem, QueueProblem):
        return _queue(problem, answer)
    assert isinstance(problem, TuningProblem)
    return _tuning(problem, answer)


def present_prediction(prediction: Any, model_id: str, history_size: int) -> dict[str, Any]:
    """The `result` member for a prediction."""
    return {"prediction": prediction, "modelId": model_id, "historicalDataSize": history_size}


def why_nothing_fits(problem: PackingProblem) -> str | None:
    """One sentence when not a single item fits on any node; `None` when some item does."""
    if those_that_fit(problem):
        return None
    if problem.nodes is None:
        room, remedy = problem.node_capacity or {}, "a larger nodeCapacity"
    else:
        room = {name: max(node.free(name) for node in problem.nodes) for name in problem.resources}
        remedy = "nodes with more room"
    # The item that is nearest to fitting, by the resource it wants most too much of.
    nearest = min(
        problem.items,
        key=lambda item: max(
            item.demand[name] / room[name] if room[name] else item.demand[name] for name in room
        ),
    )
    needs = ", ".join(f"{name} {nearest.demand[name]:g}" for name in problem.resources)
    has = ", ".join(f"{name} {room[name]:g}" for name in problem.resources)
    which = (
        "the item" if len(problem.items) == 1 else f"none of the {len(problem.items)} items fits on a node:"
    )
    rule = f"{which} {show(nearest.id)} needs {needs}, and a node has at most {has} free"
    return f"{rule}; give smaller items or {remedy}"


def _packing(problem: PackingProblem, answer: PackingAnswer) -> dict[str, Any]:
    items = {item.id: item for item in problem.items}
    placed = {node.id: node.items for node in answer.nodes if node.items}
    if problem.nodes is None:
        capacity = problem.node_capacity or {}
        room = dict.fromkeys(placed, (capacity, capacity))
    else:  # all of them, also those that stay empty: the caller knows them
        room = {
            node.id: (node.capacity, {name: node.free(name) for name in problem.resources})
            for node in problem.nodes
        }
    nodes = []
    for name, (capacity, free) in room.items():
        held = [items[each] for each in placed.get(name, [])]
        shown: dict[str, Any] = {"id": name}
        for resource in problem.resources:
            left = free[resource] - total(item.demand[resource] for item in held)
            shown[f"{resource}Available"] = _amount(left, capacity.get(resource, 0.0))
        shown["items"] = [item.sent for item in held]
        nodes.append(shown)
    return {"nodes": nodes, "unplacedItems": [items[name].sent for name in answer.unplaced]}


def _amount(left: float, capacity: float) -> float:
    """Without the noise of float sums: never below 0, and whole where it is as good as whole."""
    left = max(0.0, left)
    whole = round(left) if left < _EXACT_INTEGERS else None
    if whole is not None and abs(left - whole) <= CAPACITY_SLACK * min(capacity, 1.0):
        return whole
    return left


def _one_task(problem: OneTaskProblem, answer: OneTaskAnswer) -> dict[str, Any]:
    cpu, memory = load_after(problem, next(node for node in problem.nodes if node.id == answer.node_id))
    shown = LoadAfter(min(cpu, 100.0), min(memory, 100.0))
    return {"nodeId": answer.node_id, "estimatedLoadAfter": {"cpu": shown.cpu, "memory": shown.memory}}


def _placement(answer: PlacementAnswer) -> dict[str, Any]:
    placements = []
    for each in answer.placements:
        shown: dict[str, Any] = {"pod": each.pod, "node": each.node}
        if each.gpus:
            shown["gpus"] = each.gpus
        placements.append(shown)
    return {"placements": placements, "unplaced": answer.unplaced}


def _queue(problem: QueueProblem, answer: QueueAnswer) -> dict[str, Any]:
    """The head of those that wait is promised its projected start; promises made before are kept up."""
    started = set(answer.start)
    order = [*answer.start, *(name for name in answer.order if name not in started)]
    promised = {name: due for name, due in Promises(problem).due.items() if name not in started}
    waiting = first_waiting(problem, answer)
    if waiting is not None:
        promised[waiting[0]] = waiting[1]
    reservations = [{"job": name, "start": promised[name]} for name in order if name in promised]
    return {"start": list(answer.start), "order": order, "reservations": reservations}


def _tuning(problem: TuningProblem, answer: TuningAnswer) -> dict[str, Any]:
    whole = {parameter.name for parameter in problem.parameters if parameter.kind == "int"}

    def value(name: str, found: ParamValue) -> ParamValue:
        if name in whole and isinstance(found, float) and abs(found) < _EXACT_INTEGERS:
            return int(found)
        return found

    suggestions = [
        {"params": {name: value(name, found) for name, found in each.params.items()}}
        for each in answer.suggestions
    ]
    result: dict[str, Any] = {"suggestions": suggestions}
    best = problem.best()
    if best is not None:
        result["best"] = {"params": best.params, "value": best.value}
    return result

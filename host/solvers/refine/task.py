"""What is sent to the worker and what it answers: a problem in integers, far from the wire's own forms.

Demands are rounded up and room is rounded down, so whatever fits in integers fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec

import msgspec

from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, PackingProblem
from plugin_sdk.contract.problems.placement import Placement, PlacementAnswer, PlacementProblem
from plugin_sdk.contract.problems.rules import Rules

UNITS = 1_000_000  # that the largest amount of a resource has
MOST_CHOICES = 30_000  # of an item for a node; beyond that building the model takes the time there is


class Task(msgspec.Struct):
    """Items onto nodes.

    Fields:
        demand: Item by resource.
        room: Node by resource.
        gpus: Node by GPU: free milli. Empty where there are none.
        gpu_ask: Item: (count, milli), (0, 0) for none.
        may: Item: the nodes it may lie on; `None` for all.
        apart, together: Groups of items.
        max_nodes: How many may be used.
        fewest_nodes: Whether nodes in use count, after unplaced items.
        hint: Item: the node in hand, -1 for none.
        deadline: On `time.monotonic()`, which all processes of a machine share.
    """

    demand: list[list[int]]
    room: list[list[int]]
    gpus: list[list[int]]
    gpu_ask: list[tuple[int, int]]
    may: list[list[int] | None]
    apart: list[list[int]]
    together: list[list[int]]
    max_nodes: int | None
    fewest_nodes: bool
    hint: list[int]
    deadline: float


class Found(msgspec.Struct):
    """What the worker came to.

    Fields:
        node_of: Item: its node, -1 for none; empty when nothing better than the hint was found.
        gpus: Item: its GPUs.
        bound: (unplaced, nodes in use): no answer is better. Nodes are 0 where they do not count.
        out_of_time: The search was cut short; else the answer (or the hint) is proven best.
    """

    node_of: list[int]
    gpus: list[list[int]]
    bound: tuple[int, int]
    out_of_time: bool


def is_installed() -> bool:
    """Whether CP-SAT can be had at all."""
    return find_spec("ortools") is not None


def packing_task(
    problem: PackingProblem, hint: PackingAnswer, deadline: float
) -> tuple[Task, list[str]] | None:
    """The task, and the nodes' ids; `None` for one that is too large, or has rules that CP-SAT is not told."""
    if problem.rules.priority:
        return None
    if problem.nodes is None:
        # No more than the answer in hand uses can be needed, unless it leaves something out.
        count = len(hint.nodes) if not hint.unplaced else (problem.max_nodes or len(problem.items))
        named = [node.id for node in hint.nodes]
        extra = (f"node-{n}" for n in range(1, len(problem.items) + 1))
        wanted = {
            node
            for item in (*problem.rules.allowed, *problem.rules.pinned)
            for node in problem.rules.nodes_of(item) or ()
        }
        ids = list(dict.fromkeys([*named, *sorted(wanted), *extra]))[: max(count, len(named), len(wanted))]
        capacity = problem.node_capacity or {}
        free = [[capacity[name] for name in problem.resources]] * len(ids)
    else:
        ids = [node.id for node in problem.nodes]
        free = [[node.free(name) for name in problem.resources] for node in problem.nodes]
    if len(ids) * len(problem.items) > MOST_CHOICES:
        return None
    names = [item.id for item in problem.items]
    demand, room = _integers(
        [[item.demand[name] for name in problem.resources] for item in problem.items], free
    )
    at = {name: node.id for node in hint.nodes for name in node.items}
    nothing: list[tuple[int, int]] = [(0, 0)] * len(names)
    task = _task(problem.rules, names, ids, demand, room, [[] for _ in ids], nothing, at, deadline)
    task.fewest_nodes = True
    return task, ids


def placement_task(
    problem: PlacementProblem, hint: PlacementAnswer, deadline: float
) -> tuple[Task, list[str]] | None:
    """Likewise; what is sought is fewer unplaced pods, fragmentation being no linear measure."""
    ids = [node.id for node in problem.nodes]
    gpus = max((len(node.gpus) for node in problem.nodes), default=0)
    if (
        problem.rules.priority
        or not hint.unplaced
        or len(ids) * len(problem.pods) * (1 + gpus) > MOST_CHOICES
    ):
        return None
    names = [pod.id for pod in problem.pods]
    most = max([pod.memory for pod in problem.pods] + [pod.cpu for pod in problem.pods] + [1.0]) * len(names)
    demand, room = _integers(
        [[pod.cpu, pod.memory] for pod in problem.pods],
        [[node.cpu, min(node.memory, most)] for node in problem.nodes],
    )
    asks = [(pod.gpu.count, pod.gpu.milli) if pod.gpu else (0, 0) for pod in problem.pods]
    at = {each.pod: each.node for each in hint.placements}
    task = _task(
        problem.rules,
        names,
        ids,
        demand,
        room,
        [list(node.gpus) for node in problem.nodes],
        asks,
        at,
        deadline,
    )
    for index, pod in enumerate(problem.pods):
        if pod.gpu and pod.gpu.models is not None:
            models, may = pod.gpu.models, task.may[index]
            task.may[index] = [
                node
                for node in (range(len(ids)) if may is None else may)
                if problem.nodes[node].gpu_model in models
            ]
    return task, ids


def packing_answer(problem: PackingProblem, found: Found, ids: Sequence[str]) -> PackingAnswer:
    """The answer in the problem's own terms."""
    held: dict[int, list[str]] = {}
    for item, node in zip(problem.items, found.node_of, strict=True):
        if node >= 0:
            held.setdefault(node, []).append(item.id)
    return PackingAnswer(
        [PackedNode(ids[node], held[node]) for node in sorted(held)],
        [item.id for item, node in zip(problem.items, found.node_of, strict=True) if node < 0],
    )


def placement_answer(problem: PlacementProblem, found: Found, ids: Sequence[str]) -> PlacementAnswer:
    """The answer in the problem's own terms."""
    rows = list(zip(problem.pods, found.node_of, found.gpus, strict=True))
    return PlacementAnswer(
        [Placement(pod.id, ids[node], gpus) for pod, node, gpus in rows if node >= 0],
        [pod.id for pod, node, _ in rows if node < 0],
    )


def _task(
    rules: Rules,
    names: Sequence[str],
    ids: Sequence[str],
    demand: list[list[int]],
    room: list[list[int]],
    gpus: list[list[int]],
    asks: list[tuple[int, int]],
    at: dict[str, str],
    deadline: float,
) -> Task:
    item_at = {name: index for index, name in enumerate(names)}
    node_at = {name: index for index, name in enumerate(ids)}
    may: list[list[int] | None] = []
    for name in names:
        only = rules.nodes_of(name)
        may.append(None if only is None else [node_at[each] for each in only if each in node_at])
    return Task(
        demand,
        room,
        gpus,
        asks,
        may,
        [[item_at[name] for name in group] for group in rules.anti_affinity],
        [[item_at[name] for name in group] for group in rules.affinity],
        rules.max_nodes,
        False,
        [node_at[at[name]] if name in at else -1 for name in names],
        deadline,
    )


def _integers(
    demand: Sequence[Sequence[float]], room: Sequence[Sequence[float]]
) -> tuple[list[list[int]], list[list[int]]]:
    """Both in units of each resource; whole amounts stay what they are where they are small enough."""
    scales = []
    for column in range(len(room[0])):
        amounts = [row[column] for row in (*demand, *room)]
        top = max(amounts)
        whole = top <= UNITS and all(each == int(each) for each in amounts)
        scales.append(1.0 if whole or not top else UNITS / top)
    return (
        [[math.ceil(each * scale - 1e-9) for each, scale in zip(row, scales, strict=True)] for row in demand],
        [[math.floor(each * scale + 1e-9) for each, scale in zip(row, scales, strict=True)] for row in room],
    )

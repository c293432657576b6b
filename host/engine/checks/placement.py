"""Placement: every pod once, no node or GPU over what is free; few unplaced, then little fragmentation of GPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from host.engine.checks.fragmentation import Left, expected_fragments, idle_milli, useless_share
from host.engine.checks.packing import CAPACITY_SLACK, total
from host.engine.checks.rules import broken_rule, inversion
from host.engine.checks.verdict import OK, Objective, Verdict
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.placement import (
    GpuNode,
    Placement,
    PlacementAnswer,
    PlacementProblem,
    Pod,
    fits,
)


def verify(problem: PlacementProblem, answer: PlacementAnswer) -> Verdict:
    """Whether the answer can be carried out as it stands."""
    pods = {pod.id: pod for pod in problem.pods}
    nodes = {node.id: node for node in problem.nodes}
    seen: set[str] = set()
    on: dict[str, list[tuple[Pod, Placement]]] = {}
    for each in answer.placements:
        if each.pod not in pods:
            return Verdict(f"placements has pod {show(each.pod)}, which is not in the request")
        if each.pod in seen:
            return Verdict(f"pod {show(each.pod)} is placed twice")
        if each.node not in nodes:
            return Verdict(f"pod {show(each.pod)} is on node {show(each.node)}, which is not in the request")
        broken = _wrong_gpus(pods[each.pod], nodes[each.node], each)
        if broken:
            return Verdict(broken)
        seen.add(each.pod)
        on.setdefault(each.node, []).append((pods[each.pod], each))
    for name in answer.unplaced:
        if name not in pods:
            return Verdict(f"unplaced has pod {show(name)}, which is not in the request")
        if name in seen:
            return Verdict(f"pod {show(name)} stands twice, the second time in unplaced")
        seen.add(name)
    missing = next((name for name in pods if name not in seen), None)
    if missing is not None:
        return Verdict(f"pod {show(missing)} is neither placed nor in unplaced")
    for name, held in on.items():
        broken = _overfull(nodes[name], held)
        if broken:
            return Verdict(broken)
    used = len(on)
    if problem.rules.max_nodes is not None and used > problem.rules.max_nodes:
        return Verdict(f"{used} nodes are used but maxNodes is {problem.rules.max_nodes}")
    if problem.rules.only_counts:
        return OK
    return Verdict(_against_rules(problem, answer, pods, nodes))


def objective(problem: PlacementProblem, answer: PlacementAnswer) -> Objective:
    """(pods without a node, expected fragmentation after in milli of a GPU, over all nodes)."""
    pods = {pod.id: pod for pod in problem.pods}
    on: dict[str, list[Placement]] = {}
    for each in answer.placements:
        on.setdefault(each.node, []).append(each)

    def left(node: GpuNode) -> Left:
        cpu, gpus = node.cpu, list(node.gpus)
        for each in on[node.id]:
            pod = pods[each.pod]
            cpu -= pod.cpu
            for index in each.gpus:
                gpus[index] -= pod.gpu.milli if pod.gpu else 0
        return cpu, tuple(gpus), node.gpu_model

    after = (left(node) if node.id in on else (node.cpu, node.gpus, node.gpu_model) for node in problem.nodes)
    return (float(len(answer.unplaced)), expected_fragments(after, problem.typical))


def bound(problem: PlacementProblem) -> Objective:
    """What no answer can beat.

    Pods that fit on no node as it was found stay unplaced, and so do as many of the largest as it takes for the
    rest to fit into all nodes together. What is idle on a node is fragmented for at least those classes that ask
    for no GPU or do not fit there even now; the pods take away at most what they ask for, where that is worst.
    """
    kinds: dict[tuple[object, ...], GpuNode] = {}
    for node in problem.nodes:
        kinds.setdefault((node.cpu, node.memory, node.gpus, node.gpu_model), node)
    placeable = [pod for pod in problem.pods if any(fits(pod, node) for node in kinds.values())]
    rooms = (
        (total(node.cpu for node in problem.nodes), [pod.cpu for pod in placeable]),
        (total(node.memory for node in problem.nodes), [pod.memory for pod in placeable]),
        (
            float(sum(idle_milli(node.gpus) for node in problem.nodes)),
            [float(pod.gpu.total_milli) if pod.gpu else 0.0 for pod in placeable],
        ),
    )
    placed = min(_most_that_fit(sorted(demands), room) for room, demands in rooms)
    left = sum(pod.gpu.total_milli for pod in placeable if pod.gpu)
    fragments = 0.0
    by_kind = {key: useless_share(node, problem.typical) for key, node in kinds.items()}
    worst_first = sorted(
        (
            (by_kind[node.cpu, node.memory, node.gpus, node.gpu_model], idle_milli(node.gpus))
            for node in problem.nodes
        ),
        reverse=True,
    )
    for share, idle in worst_first:
        taken = min(idle, left)
        left -= taken
        fragments += share * (idle - taken)
    # Less by more than the rounding of either sum, so that it never passes what it bounds.
    return (float(len(problem.pods) - placed), fragments * (1 - 1e-9))


def _against_rules(
    problem: PlacementProblem, answer: PlacementAnswer, pods: Mapping[str, Pod], nodes: Mapping[str, GpuNode]
) -> str | None:
    placed = {each.pod: each for each in answer.placements}

    def fits(pod: str, node: str, others: Sequence[str]) -> bool:
        held = [(pods[each], placed[each]) for each in others]
        gpus = list(nodes[node].gpus)
        for other, placement in held:
            for index in placement.gpus:
                gpus[index] -= other.gpu.milli if other.gpu else 0
        asked = pods[pod]
        count = asked.gpu.count if asked.gpu else 0
        milli = asked.gpu.milli if asked.gpu else 0
        enough = [index for index, free in enumerate(gpus) if free >= milli][:count]
        here = Placement(pod, node, enough)
        return _wrong_gpus(asked, nodes[node], here) is None and (
            _overfull(nodes[node], [*held, (asked, here)], slack=0.0) is None
        )

    node_of = {name: each.node for name, each in placed.items()}
    return broken_rule(problem.rules, node_of) or inversion(
        problem.rules, node_of, answer.unplaced, list(nodes), fits
    )


def _wrong_gpus(pod: Pod, node: GpuNode, placement: Placement) -> str | None:
    count = pod.gpu.count if pod.gpu else 0
    if not count and not placement.gpus:
        return None
    where = _Where(pod, node)
    if len(placement.gpus) != count:
        return f"{where} has {len(placement.gpus)} GPUs but needs {count}"
    for index in placement.gpus:
        if not 0 <= index < len(node.gpus):
            return f"{where} has GPU {index}, but the node has {len(node.gpus)}, counted from 0"
    if len(set(placement.gpus)) != count:
        return f"{where} has one GPU twice"
    if pod.gpu and pod.gpu.models is not None and node.gpu_model not in pod.gpu.models:
        return f"{where} gets GPUs of model {show(node.gpu_model)} but needs {' or '.join(pod.gpu.models)}"
    return None


class _Where:
    """Spelt out only where something is wrong, which is seldom."""

    def __init__(self, pod: Pod, node: GpuNode) -> None:
        self._pod, self._node = pod, node

    def __str__(self) -> str:
        return f"pod {show(self._pod.id)} on node {show(self._node.id)}"


def _overfull(
    node: GpuNode, held: Sequence[tuple[Pod, Placement]], slack: float = CAPACITY_SLACK
) -> str | None:
    for resource, free, capacity, asked in (
        ("cpu", node.cpu, node.cpu_capacity, total(pod.cpu for pod, _ in held)),
        ("memory", node.memory, node.memory_capacity, total(pod.memory for pod, _ in held)),
    ):
        if asked > free + (slack * capacity if slack else 0.0):
            return f"node {show(node.id)} is asked for {asked:g} {resource} but has {free:g}"
    asked_of = [0] * len(node.gpus)
    for pod, placement in held:
        for index in placement.gpus:
            asked_of[index] += pod.gpu.milli if pod.gpu else 0
    for index, (milli, free_milli) in enumerate(zip(asked_of, node.gpus, strict=True)):
        if milli > free_milli:
            return f"GPU {index} of node {show(node.id)} is asked for {milli} milli but has {free_milli}"
    return None


def _most_that_fit(smallest_first: list[float], room: float) -> int:
    used = 0.0
    for count, each in enumerate(smallest_first):
        used += each
        if used > room * (1 + 1e-9) + 1e-9:
            return count
    return len(smallest_first)

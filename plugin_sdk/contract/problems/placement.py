"""Scheduling of pods onto nodes of different kinds, with whole GPUs and shares of them.

A GPU is counted in thousandths (*milli*): a pod asks for `milli` of each of `count` GPUs of one node. CPU and
memory are in the caller's own units. What a node has is what is free of it: `used` is taken off when it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.amounts import (
    all_different,
    amount,
    identity,
    listed,
    member,
)
from plugin_sdk.contract.problems.given_gpus import GPU_COUNT_LIMIT, WHOLE_GPU, gpus_of, used_gpus, whole
from plugin_sdk.contract.problems.request import unknown_member
from plugin_sdk.contract.problems.rules import ITEM_RULES, Rules, parse_rules

TYPICAL_SHARE = 0.95  # of the pods: the most frequent classes that make up this much are the typical ones

_POD_MEMBERS = {"id", "cpu", "memory", "gpu", *ITEM_RULES}
_NODE_MEMBERS = {"id", "cpu", "memory", "gpu", "gpus", "gpuModel", "capacity", "used"}


class GpuAsk(msgspec.Struct, frozen=True):
    """`milli` (1 to 1,000) of each of `count` GPUs; of one of `models`, or of any when it is `None`."""

    count: int
    milli: int
    models: tuple[str, ...] | None = None

    @property
    def total_milli(self) -> int:
        """Of all its GPUs together."""
        return self.count * self.milli


class Pod(msgspec.Struct, frozen=True):
    """Something to place. `sent` is the caller's own object."""

    id: str
    cpu: float
    memory: float
    gpu: GpuAsk | None
    sent: dict[str, Any]


class GpuNode(msgspec.Struct, frozen=True):
    """A node as it is found.

    Fields:
        cpu, memory: Free, in the caller's units.
        gpus: Free milli of each GPU, 0 to 1,000, by its index.
        gpu_model: Of all its GPUs; `None` when nobody said, and then it is of no model that was asked for.
        cpu_capacity, memory_capacity: What there is in all; free + used.
    """

    id: str
    cpu: float
    memory: float
    gpus: tuple[int, ...]
    gpu_model: str | None
    cpu_capacity: float
    memory_capacity: float


class TypicalPod(msgspec.Struct, frozen=True):
    """A class of pods that may come next, and how likely it is (the shares of all sum to 1)."""

    cpu: float
    gpu: GpuAsk | None
    share: float


class PlacementProblem(msgspec.Struct, frozen=True):
    """Place the pods, in any order, and leave the GPUs as little fragmented as can be.

    Fields:
        typical: What fragmentation is measured by; see `typical_pods`.
        rules: What must be kept beside the capacities.
    """

    pods: list[Pod]
    nodes: list[GpuNode]
    typical: list[TypicalPod]
    rules: Rules = Rules()


class Placement(msgspec.Struct, omit_defaults=True):
    """A pod on a node, on these of its GPUs."""

    pod: str
    node: str
    gpus: list[int] = []


class PlacementAnswer(msgspec.Struct):
    """Where the pods go, in the order they were placed; and those that go nowhere."""

    placements: list[Placement]
    unplaced: list[str]


def fits(pod: Pod, node: GpuNode) -> bool:
    """Whether a node as it was found could take the pod, to the last digit."""
    if pod.cpu > node.cpu or pod.memory > node.memory:
        return False
    gpu = pod.gpu
    if gpu is None:
        return True
    if gpu.models is not None and node.gpu_model not in gpu.models:
        return False
    return sum(1 for free in node.gpus if free >= gpu.milli) >= gpu.count


def typical_pods(pods: Sequence[Pod]) -> list[TypicalPod]:
    """The most frequent classes (cpu, GPUs) among *pods*, until they make up 95 % of them; of equals the earlier.

    Source: Weng et al. (2023), Beware of fragmentation, USENIX ATC, section 4.
    """
    classes = Counter((pod.cpu, pod.gpu) for pod in pods)
    chosen: list[tuple[tuple[float, GpuAsk | None], int]] = []
    reached = 0
    for each, count in classes.most_common():
        if reached >= TYPICAL_SHARE * len(pods):
            break
        chosen.append((each, count))
        reached += count
    return [TypicalPod(cpu, gpu, count / reached) for (cpu, gpu), count in chosen]


def parse_placement(
    data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None
) -> PlacementProblem:
    """The placement problem in `data` and `constraints`.

    Raises:
        ProblemError: Something in it cannot be used.
    """
    sent = listed(member(data, "pods", "data", "a list of at least one pod"), "data.pods")
    given = listed(member(data, "nodes", "data", "a list of at least one node"), "data.nodes")
    pods = [_pod(each, f"data.pods[{index}]") for index, each in enumerate(sent)]
    nodes = [_node(each, f"data.nodes[{index}]") for index, each in enumerate(given)]
    all_different((pod.id for pod in pods), "data.pods")
    all_different((node.id for node in nodes), "data.nodes")
    names = frozenset(node.id for node in nodes)
    rules = parse_rules(constraints, sent, "data.pods", names, "placement of pods")
    return PlacementProblem(pods, nodes, _typical(data.get("typicalPods")) or typical_pods(pods), rules)


def _pod(sent: dict[str, Any], path: str) -> Pod:
    name = identity(sent, path)
    _only(sent, _POD_MEMBERS, path)
    return Pod(
        name,
        amount(member(sent, "cpu", path, "the CPU it needs"), f"{path}.cpu"),
        amount(sent.get("memory", 0), f"{path}.memory"),
        _gpu_ask(sent.get("gpu"), f"{path}.gpu"),
        sent,
    )


def _gpu_ask(sent: object, path: str) -> GpuAsk | None:
    if sent is None:
        return None
    if not isinstance(sent, dict):
        raise ProblemError(path, sent, 'an object such as {"count": 1, "milli": 500}')
    _only(sent, {"count", "milli", "models"}, path)
    count = whole(sent.get("count", 1), f"{path}.count", 0, GPU_COUNT_LIMIT)
    milli = whole(sent.get("milli", WHOLE_GPU), f"{path}.milli", 0, WHOLE_GPU)
    models = sent.get("models")
    if isinstance(models, str):
        models = [models]
    if models is not None and not (
        isinstance(models, list) and all(isinstance(each, str) for each in models)
    ):
        raise ProblemError(f"{path}.models", models, "a list of names of GPU models, or leave it out")
    if not count or not milli:
        return None
    return GpuAsk(count, milli, tuple(models) if models else None)


def _node(sent: dict[str, Any], path: str) -> GpuNode:
    name = identity(sent, path)
    _only(sent, _NODE_MEMBERS, path)
    used = sent.get("used") or {}
    if not isinstance(used, dict):
        raise ProblemError(f"{path}.used", used, 'an object such as {"cpu": 2, "memory": 8, "gpus": [500]}')
    _only(used, {"cpu", "memory", "gpus"}, f"{path}.used")
    where, has = (f"{path}.capacity", sent["capacity"]) if "capacity" in sent else (path, sent)
    if not isinstance(has, dict):
        raise ProblemError(where, has, 'an object such as {"cpu": 96, "memory": 768, "gpus": 8}')
    if has is not sent:
        _only(has, {"cpu", "memory", "gpu", "gpus", "gpuModel"}, where)
    capacity = {
        each: amount(member(has, each, where, f"the {each} it has"), f"{where}.{each}")
        for each in (["cpu", "memory"] if "memory" in has else ["cpu"])
    }
    taken = {each: amount(used.get(each, 0), f"{path}.used.{each}") for each in ("cpu", "memory")}
    for each, value in taken.items():
        # A node that says nothing of memory has as much as anybody wants.
        if value > capacity.get(each, float("inf")):
            raise ProblemError(f"{path}.used.{each}", value, f"at most what it has, {capacity[each]:g}")
    if has is not sent and "gpuModel" not in has and "gpuModel" in sent:
        has = {**has, "gpuModel": sent["gpuModel"]}
    gpus, model = gpus_of(has, where)
    return GpuNode(
        name,
        capacity["cpu"] - taken["cpu"],
        capacity.get("memory", float("inf")) - taken["memory"],
        used_gpus(gpus, used.get("gpus"), f"{path}.used.gpus"),
        model,
        capacity["cpu"],
        capacity.get("memory", float("inf")),
    )


def _typical(sent: object) -> list[TypicalPod] | None:
    if sent is None:
        return None
    found = []
    for index, each in enumerate(listed(sent, "data.typicalPods")):
        path = f"data.typicalPods[{index}]"
        _only(each, {"cpu", "memory", "gpu", "share"}, path)
        share = amount(each.get("share", 1), f"{path}.share", above_zero=True)
        cpu = amount(member(each, "cpu", path, "the CPU it needs"), f"{path}.cpu")
        found.append(TypicalPod(cpu, _gpu_ask(each.get("gpu"), f"{path}.gpu"), share))
    total = sum(each.share for each in found)
    return [TypicalPod(each.cpu, each.gpu, each.share / total) for each in found]


def _only(sent: Mapping[str, Any], known: set[str], path: str) -> None:
    """Texts beside the known members are labels; anything that may be an amount must be known."""
    for name, value in sent.items():
        if name not in known and not isinstance(value, str):
            raise ProblemError(f"{path}.{name}", value, unknown_member(name, known))

"""How much of the idle GPUs the next pod cannot use, in expectation: F(n) of a node, and its sum.

For a class of pods that asks for no GPU, or that a node cannot take, all that is idle on the node is a fragment;
for one that it can take, the GPUs are that have less left than the class asks of each. F is the mean over the
typical classes. Memory is not looked at, as in the source.

Source: Weng et al. (2023), Beware of fragmentation: scheduling GPU-sharing workloads with fragmentation gradient
descent, USENIX ATC, sections 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from plugin_sdk.contract.problems.placement import GpuNode, TypicalPod

CPU_SLACK = 1e-9  # in the caller's unit; sums of floats end that far beside what was meant

Left = tuple[float, tuple[int, ...], str | None]
"""What is left of a node: cpu, milli by GPU, and the model of its GPUs."""


def expected_fragments(nodes: Iterable[Left], typical: Sequence[TypicalPod]) -> float:
    """Milli of all GPUs of all nodes, rounded once to a millionth, so that equal answers are equal."""
    known: dict[Left, float] = {}  # by node as it stands; then by its idle GPUs, the least first
    parts = []
    for node in nodes:
        found = known.get(node)
        if found is None:
            cpu, gpus, model = node
            idle = tuple(sorted(milli for milli in gpus if milli))
            key = (cpu, idle, model)
            if key not in known:
                known[key] = fragments(cpu, idle, model, typical)
            found = known[node] = known[key]
        parts.append(found)
    return round(math.fsum(parts), 6)


def fragments(cpu: float, gpus: Sequence[int], model: str | None, typical: Sequence[TypicalPod]) -> float:
    """F(n): milli of one node's idle GPUs that a typical pod cannot use, in expectation."""
    idle = sum(gpus)
    lost = 0.0
    for each in typical:
        if _takes(cpu, gpus, model, each):
            assert each.gpu is not None  # `_takes` says no to those that ask for no GPU
            lost += each.share * sum(milli for milli in gpus if milli < each.gpu.milli)
        else:
            lost += each.share * idle
    return lost


def useless_share(node: GpuNode, typical: Sequence[TypicalPod]) -> float:
    """The share of typical pods that cannot use any GPU of the node as it was found."""
    return sum(each.share for each in typical if not _takes(node.cpu, node.gpus, node.gpu_model, each))


def idle_milli(gpus: Sequence[int]) -> int:
    """What is free of all GPUs together."""
    return sum(gpus)


def _takes(cpu: float, gpus: Sequence[int], model: str | None, pod: TypicalPod) -> bool:
    gpu = pod.gpu
    if gpu is None or pod.cpu > cpu + CPU_SLACK or (gpu.models is not None and model not in gpu.models):
        return False
    return sum(1 for milli in gpus if milli >= gpu.milli) >= gpu.count

"""The heuristics that FGD was published against, and what a heuristic is.

Each ranks nodes by an integer from 0 to 100, as Kubernetes score plugins do; ties go to the first row.

Sources: Weng et al. (2023), Beware of Fragmentation, USENIX ATC, section 6 (the six policies);
DotProd: Grandl et al. (2014), Multi-resource packing for cluster schedulers; GpuPacking: Weng et al. (2022), MLaaS in
the wild, NSDI; GpuClustering: Xiao et al. (2018), Gandiva, OSDI.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from host.solvers.placement.fgd import Fgd
from host.solvers.placement.nodes import Ints, NodeColumns, Rows
from host.solvers.placement.shapes import WHOLE_MILLI, Shape, TypicalPod

NODE_CPU_MILLI = 128_000  # of the largest node of the published cluster: what loads are measured against
NODE_GPU_MILLI = 8_000


class Policy(Protocol):
    """Ranks nodes for a pod."""

    @property
    def name(self) -> str: ...

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """An integer score for each of *rows*, all with room, and the GPU for a share (-1: the tightest).

        It may depend on the row and the shape alone, so that what is known of an unchanged row stays true.
        """
        ...


class BestFit:
    """The node on which the least CPU and GPU is left, weighed alike."""

    name = "best-fit"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Rows) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        cpu = (nodes.cpu_left[rows] - shape.cpu_milli) / NODE_CPU_MILLI
        gpu = (nodes.gpu_total[rows] - shape.total_milli) / NODE_GPU_MILLI
        return (100 * (1 - 0.5 * (cpu + gpu))).astype(np.int64), np.full(cpu.size, -1)


class DotProduct:
    """The node whose remainder points least along the pod's demand, so that large remainders are kept for large pods."""

    name = "dot-product"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Rows) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        cpu = nodes.cpu_left[rows] / NODE_CPU_MILLI * (shape.cpu_milli / NODE_CPU_MILLI)
        gpu = nodes.gpu_total[rows] / NODE_GPU_MILLI * (shape.total_milli / NODE_GPU_MILLI)
        return (100 * (1 - (cpu + gpu) / 2)).astype(np.int64), np.full(cpu.size, -1)


class GpuPacking:
    """GPUs in use first, the fullest before others; then idle GPUs of nodes in use, as few as possible; then idle nodes."""

    name = "gpu-packing"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        none = np.full(rows.size, -1)
        if not shape.gpus:
            return np.zeros(rows.size, dtype=np.int64), none  # says nothing of pods without GPUs
        left = nodes.gpu_left[rows]
        idle = (left == WHOLE_MILLI).sum(axis=1)
        # What the pod would take: the GPUs with the least that is enough.
        taken = np.sort(np.where(left >= shape.gpu_milli, left, 2 * WHOLE_MILLI), axis=1)[:, : shape.gpus]
        idle_taken = (taken == WHOLE_MILLI).sum(axis=1)
        left_percent = (taken // 10).sum(axis=1)
        score = np.where(
            idle == nodes.gpu_count[rows],
            np.maximum(33 - idle, idle),
            np.where(
                idle_taken > 0, np.maximum(50 - idle_taken, 33), np.maximum(100 - left_percent // 10, 50)
            ),
        )
        return score.astype(np.int64), none


class GpuClustering:
    """Nodes with pods of the same kind alone, then those with that kind among others, then empty ones, then the rest.

    Pods are of one kind when they all share GPUs, or have the same number of whole ones. Within a tier the fullest goes first.
    """

    name = "gpu-clustering"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        none = np.full(rows.size, -1)
        if not shape.gpus:
            return np.zeros(rows.size, dtype=np.int64), none
        there = nodes.gpu_pods[rows] > 0
        alike = there[:, 0 if shape.is_share else shape.gpus]
        kinds = there.sum(axis=1)
        tier = np.where(alike, np.where(kinds == 1, 75, 50), np.where(kinds == 0, 25, 0))
        used = NODE_GPU_MILLI - nodes.gpu_total[rows]
        return np.asarray(tier + 25 * used // NODE_GPU_MILLI, dtype=np.int64), none


class RandomFit:
    """Any node that has room, and any GPU of it that has, each as likely as the others."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`; one of *rows* gets 100."""
        scores = np.zeros(rows.size, dtype=np.int64)
        gpus = np.full(rows.size, -1)
        if rows.size:
            chosen = self._chance.randrange(rows.size)
            scores[chosen] = 100
            if shape.gpus == 1:
                room = np.flatnonzero(nodes.gpu_left[rows[chosen]] >= shape.gpu_milli)
                gpus[chosen] = room[self._chance.randrange(room.size)]
        return scores, gpus


POLICIES: Mapping[str, Callable[[Sequence[TypicalPod], int], Policy]] = {
    "fgd": lambda typical, seed: Fgd(typical),
    "best-fit": lambda typical, seed: BestFit(),
    "dot-product": lambda typical, seed: DotProduct(),
    "gpu-packing": lambda typical, seed: GpuPacking(),
    "gpu-clustering": lambda typical, seed: GpuClustering(),
    "random": lambda typical, seed: RandomFit(seed),
}
"""By name: how to make one from the typical pods and a seed."""

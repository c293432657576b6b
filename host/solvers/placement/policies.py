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
from host.solvers.placement.nodes import Ints, NodeColumns
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

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        cpu = (nodes.cpu_left[rows] - shape.cpu_milli) / NODE_CPU_MILLI
        gpu = (nodes.gpu_left[rows].sum(axis=1) - shape.total_milli) / NODE_GPU_MILLI
        return (100 * (1 - 0.5 * (cpu + gpu))).astype(np.int64), np.full(rows.size, -1)


class DotProduct:
    """The node whose remainder points least along the pod's demand, so that large remainders are kept for large pods."""

    name = "dot-product"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        cpu = nodes.cpu_left[rows] / NODE_CPU_MILLI * (shape.cpu_milli / NODE_CPU_MILLI)
        gpu = nodes.gpu_left[rows].sum(axis=1) / NODE_GPU_MILLI * (shape.total_milli / NODE_GPU_MILLI)
        return (100 * (1 - (cpu + gpu) / 2)).astype(np.int64), np.full(rows.size, -1)


class GpuPacking:
    """GPUs in use first, then idle GPUs of nodes in use, then idle nodes."""

    name = "gpu-packing"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        left = nodes.gpu_left[rows]
        idle = (left == WHOLE_MILLI).sum(axis=1)
        in_use = idle < nodes.gpu_count[rows]
        none = np.full(rows.size, -1)
        if not shape.gpus:
            return np.zeros(rows.size, dtype=np.int64), none  # says nothing of pods without GPUs
        shared = shape.gpus == 1 and shape.gpu_milli < WHOLE_MILLI
        partly = (left >= shape.gpu_milli) & (left < WHOLE_MILLI)
        tightest = np.where(partly, left, WHOLE_MILLI).min(axis=1)
        on_used_gpu = shared & partly.any(axis=1)
        score = np.where(
            on_used_gpu,
            100 - 33 * (tightest - shape.gpu_milli) // WHOLE_MILLI,
            np.where(in_use, 66 - 33 * idle // 8, 33 - 33 * idle // 8),
        )
        return score.astype(np.int64), none


class GpuClustering:
    """Nodes whose GPUs already serve pods that ask alike, then unused ones, then the others."""

    name = "gpu-clustering"

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`. Pods ask alike when their demand of GPU leaves GPUs alike: shares, or whole ones."""
        left = nodes.gpu_left[rows]
        if not shape.gpus:
            return np.zeros(rows.size, dtype=np.int64), np.full(rows.size, -1)
        count = nodes.gpu_count[rows]
        idle = (left == WHOLE_MILLI).sum(axis=1)
        partly = ((left > 0) & (left < WHOLE_MILLI)).sum(axis=1)
        full = count - idle - partly
        shared = shape.gpus == 1 and shape.gpu_milli < WHOLE_MILLI
        alike, other = (partly, full) if shared else (full, partly)
        fill = 33 - 33 * left.sum(axis=1) // NODE_GPU_MILLI
        tier = np.where(
            (alike > 0) & (other == 0), 66, np.where(alike > 0, 33, np.where(idle == count, 20, 0))
        )
        return np.asarray(tier + fill, dtype=np.int64), np.full(rows.size, -1)


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

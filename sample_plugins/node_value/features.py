"""A node as numbers: what is left on it, and what the pods that come could do with that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from demand import GRID_MILLI, Array, Demand

MODELS = ("A10", "G2", "G3", "P100", "T4", "V100M16", "V100M32")
GPUS = 8  # of the largest node
WIDTH = 39


@dataclass(frozen=True)
class Nodes:
    """N nodes, as they are or as they would be.

    Attributes:
        cpu_milli, memory_mib: What is left, shape (N,).
        gpu_milli: What is left of each GPU, (N, GPUS) integers, 0 where there is none.
        gpus: How many each has, shape (N,).
        model: Index into MODELS, or their number for any other, shape (N,).
    """

    cpu_milli: Array
    memory_mib: Array
    gpu_milli: Array
    gpus: Array
    model: Array

    def after(self, cpu_milli: float, memory_mib: float, taken_milli: Array) -> Nodes:
        """The same with a pod on each; *taken_milli* as `gpu_milli`."""
        left = self.gpu_milli - taken_milli
        return Nodes(self.cpu_milli - cpu_milli, self.memory_mib - memory_mib, left, self.gpus, self.model)


def node_features(nodes: Nodes, demand: Demand, pressure: Array) -> tuple[Array, Array]:
    """Shape (N, WIDTH), and (N,) the fragmentation measure in GPUs, which is one of them.

    Args:
        pressure: Demand for each model that no other can meet, against how much there is of it; see `Cost.look`.

    Source of the measure: Weng et al. (2023), Beware of Fragmentation, section 4.
    """
    left = nodes.gpu_milli
    idle = left.sum(1)
    total = idle / 1000.0
    whole = (left >= 1000).sum(1)
    part = np.where(left < 1000, left, 0)
    has_cpu = nodes.cpu_milli[:, None] >= demand.cpu
    short = left[:, None, :] < demand.milli[:, None]  # (N, T, GPUS)
    fits = (
        has_cpu
        & demand.allowed[:, nodes.model].T
        & (demand.count > 0)
        & (GPUS - short.sum(2) >= demand.count)
    )
    # What each typical pod could not use: all that is idle where it does not fit, else what is on GPUs too full for it.
    unused = np.where(fits, np.einsum("ng,ntg->nt", left, short), idle[:, None]) / 1000.0
    fragments = unused @ demand.share
    # Whole GPUs for which there would be no cores, were the pods of one kind to take them.
    stranded = np.maximum(whole[:, None] - nodes.cpu_milli[:, None] // np.maximum(demand.cpu, 1.0), 0.0)
    cores = max(demand.mix[2] * 1e4, 100.0)  # milli of a core that come with a GPU
    wide = np.broadcast_to(demand.mix, (len(total), len(demand.mix)))
    columns = [
        total, whole, total - whole, (part > 0).sum(1), part.max(1) / 1000.0, fragments,
        *(unused @ demand.by_kind[:, :3]).T, *demand.waste[:, part // GRID_MILLI].sum(2),
        *(fits @ demand.by_kind[:, :3]).T, has_cpu @ demand.by_kind[:, 3], stranded @ demand.by_kind[:, 1],
        nodes.cpu_milli / 32_000.0, np.minimum(nodes.cpu_milli / np.maximum(total, 1e-3) / cores, 4.0) * (idle > 0),
        np.minimum(total, nodes.cpu_milli / cores), np.maximum(whole - nodes.cpu_milli / cores, 0.0),
        np.minimum(nodes.memory_mib / 2e5, 3.0), nodes.gpus / 8.0, (part >= 500).sum(1), ((part > 0) & (part < 200)).sum(1),
        *wide.T, pressure[nodes.model], *np.eye(len(MODELS) + 1)[: len(MODELS), nodes.model],
    ]  # fmt: skip
    return np.stack([np.asarray(each, float) for each in columns], 1), fragments

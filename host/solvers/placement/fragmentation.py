"""How much of a node's idle GPU the pods that usually come could not use: F, the fragmentation measure.

F(node) = sum over typical pods of share x milli that this pod cannot use. All idle milli when the pod does not fit
at all (or needs no GPU), else what is idle on the GPUs that have too little for it.

Source: Weng, Yang, Yu, Wang, Tang, Yang, Zhang (2023), Beware of Fragmentation: Scheduling GPU-Sharing Workloads
with Fragmentation Gradient Descent, USENIX ATC, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.solvers.placement.nodes import Bools, Ints, NodeColumns
from host.solvers.placement.shapes import TypicalPod

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TypicalColumns:
    """Typical pods as columns, for nodes of given models; shape (T,) each, `allowed` (T, M)."""

    cpu_milli: Ints
    gpu_milli: Ints
    gpus: Ints
    share: Floats
    allowed: Bools

    @classmethod
    def of(cls, typical: Sequence[TypicalPod], nodes: NodeColumns) -> TypicalColumns:
        """These pods, seen from these nodes."""

        def column(name: str) -> Ints:
            return np.array([getattr(each.shape, name) for each in typical], dtype=np.int64)

        allowed = np.array([nodes.allowed_models(each.shape) for each in typical], dtype=np.bool_)
        share = np.array([each.share for each in typical], dtype=np.float64)
        allowed = allowed.reshape(len(typical), len(nodes.models))
        return cls(column("cpu_milli"), column("gpu_milli"), column("gpus"), share, allowed)


def fragmentation(typical: TypicalColumns, cpu_left: Ints, gpu_left: Ints, model: Ints) -> Floats:
    """F of each of K nodes in GPU milli.

    Args:
        cpu_left, model: Shape (K,).
        gpu_left: Shape (K, G).
    """
    short = gpu_left[:, None, :] < typical.gpu_milli[None, :, None]  # (K, T, G)
    idle = gpu_left.sum(axis=1)
    usable = gpu_left.shape[1] - short.sum(axis=2)
    fits = (
        (usable >= typical.gpus)
        & (typical.gpus > 0)
        & (cpu_left[:, None] >= typical.cpu_milli)
        & typical.allowed[:, model].T
    )
    wasted = np.where(fits, (gpu_left[:, None, :] * short).sum(axis=2), idle[:, None])
    return np.asarray(wasted @ typical.share)


def total_fragmentation(typical: Sequence[TypicalPod], nodes: NodeColumns) -> float:
    """F summed over all nodes."""
    columns = TypicalColumns.of(typical, nodes)
    return float(fragmentation(columns, nodes.cpu_left, nodes.gpu_left, nodes.model).sum())

"""Fragmentation gradient descent: a pod goes where the fragmentation measure grows least.

Source: Weng et al. (2023), Beware of Fragmentation, USENIX ATC, section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from host.solvers.placement.fragmentation import TypicalColumns, fragmentation
from host.solvers.placement.nodes import Ints, NodeColumns
from host.solvers.placement.shapes import WHOLE_MILLI, Shape, TypicalPod

CHUNK_ROWS = 128  # of the numpy form: keeps its (rows, pods, GPUs) intermediates in the cache


class Fgd:
    """Ranks by int(100 x sigmoid((F before - F after) / 1000)), the best GPU for a share counted.

    Args:
        typical: The pods that usually come.
        compiled: Use numba where it is installed; for tests of the other form.
    """

    name = "fgd"

    def __init__(self, typical: Sequence[TypicalPod], *, compiled: bool = True) -> None:
        self._typical = typical
        self._columns: TypicalColumns | None = None
        self._rows: Callable[[NodeColumns, Shape, Ints], tuple[Ints, Ints]] = (
            self._compiled if compiled and _compiled() is not None else self._vectorised
        )

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        if self._columns is None:
            self._columns = TypicalColumns.of(self._typical, nodes)
        return self._rows(nodes, shape, rows)

    def _compiled(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        columns = self._columns
        assert columns is not None
        scores = np.empty(rows.size, dtype=np.int64)
        gpus = np.empty(rows.size, dtype=np.int64)
        fgd_rows = _compiled()
        assert fgd_rows is not None  # else this form is not chosen
        fgd_rows(
            nodes.cpu_left, nodes.gpu_left, nodes.model, rows,
            shape.cpu_milli, shape.gpus, shape.gpu_milli,
            columns.cpu_milli, columns.gpu_milli, columns.gpus, columns.share, columns.allowed,
            scores, gpus,
        )  # fmt: skip
        return scores, gpus

    def _vectorised(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        parts = [
            self._chunk(nodes, shape, rows[at : at + CHUNK_ROWS]) for at in range(0, rows.size, CHUNK_ROWS)
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _chunk(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        columns = self._columns
        assert columns is not None
        cpu, gpu, model = nodes.cpu_left[rows], nodes.gpu_left[rows], nodes.model[rows]
        before = fragmentation(columns, cpu, gpu, model)
        cpu = cpu - shape.cpu_milli
        if shape.gpus != 1 or shape.gpu_milli >= WHOLE_MILLI:
            after_gpu = gpu - _whole(gpu, shape)
            return _scores(before - fragmentation(columns, cpu, after_gpu, model)), np.full(rows.size, -1)
        best = np.full(rows.size, -1, dtype=np.int64)
        best_gpu = np.full(rows.size, -1, dtype=np.int64)
        for each in range(gpu.shape[1]):
            can = gpu[:, each] >= shape.gpu_milli
            if not can.any():
                continue
            after_gpu = gpu.copy()
            after_gpu[:, each] -= shape.gpu_milli
            after_gpu[~can] = 0
            score = _scores(before - fragmentation(columns, cpu, after_gpu, model))
            better = can & (score > best)
            best[better] = score[better]
            best_gpu[better] = each
        return best, best_gpu


@cache
def _compiled() -> Callable[..., None] | None:
    """The compiled form; `None` without numba. It is loaded when it is first asked for, which takes seconds."""
    try:
        from host.solvers.placement.compiled import fgd_rows
    except ImportError:
        return None
    return fgd_rows


def _whole(gpu_left: Ints, shape: Shape) -> Ints:
    """What a pod of whole GPUs takes of each: the tightest that have room, the first of equals."""
    taken = np.zeros_like(gpu_left)
    if shape.gpus:
        room = np.where(gpu_left >= shape.gpu_milli, gpu_left, np.iinfo(np.int64).max)
        first = np.argsort(room, axis=1, kind="stable")[:, : shape.gpus]
        np.put_along_axis(taken, first, shape.gpu_milli, axis=1)
    return taken


def _scores(gain: np.ndarray) -> Ints:
    return np.asarray([score_of(float(each)) for each in gain], dtype=np.int64)


def score_of(gain_milli: float) -> int:
    """The published integer score of a gain (F before - F after)."""
    return int(100.0 / (1.0 + math.exp(-gain_milli / 1000.0)))

"""Nodes as columns, so that one operation looks at all of them.

The rows are in the lexicographic order of the names: the first of several equally good rows is then the one that
the published schedulers take, and a choice at random between them costs five points of allocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.solvers.placement.shapes import Shape

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = Ints | slice

EVERY = slice(None)
"""All rows, without a copy of any column."""


@dataclass(frozen=True)
class Node:
    """One node before it becomes a row.

    Attributes:
        gpu_left: Milli that are left on each GPU; all GPUs of a node are of one model.
    """

    name: str
    cpu_milli: int
    memory: int
    gpu_left: tuple[int, ...] = ()
    model: str = ""


class NodeColumns:
    """Nodes and what is left on them. `take` and `give_back` are the only ways it changes.

    Attributes:
        names: Row by row, ascending.
        cpu_left, memory_left: Shape (N,).
        gpu_left: Shape (N, G), G the most GPUs of a node; 0 where a node has fewer, which no pod can use. Each of the
            G columns lies in one piece: to add them up takes a tenth of what adding up N short rows does.
        gpu_total: What is left of all GPUs of a node together, shape (N,).
        gpu_count: GPUs of each node, shape (N,).
        gpu_pods: How many pods of each kind were taken, shape (N, G + 1): place 0 counts shares, place g those of g whole GPUs.
        model: Each node's index into `models`.
        version: Counts the changes of each row, so that others know what they remember of it is stale.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        rows = sorted(nodes, key=lambda node: node.name)
        width = max((len(node.gpu_left) for node in rows), default=0) or 1
        self.names = [node.name for node in rows]
        self.models = sorted({node.model for node in rows})
        place = {model: index for index, model in enumerate(self.models)}
        self.cpu_left: Ints = np.array([node.cpu_milli for node in rows], dtype=np.int64)
        self.memory_left: Ints = np.array([node.memory for node in rows], dtype=np.int64)
        self.gpu_left: Ints = np.zeros((len(rows), width), dtype=np.int64, order="F")
        for row, node in enumerate(rows):
            self.gpu_left[row, : len(node.gpu_left)] = node.gpu_left
        self.gpu_total: Ints = self.gpu_left.sum(axis=1)
        self.gpu_count: Ints = np.array([len(node.gpu_left) for node in rows], dtype=np.int64)
        self.model: Ints = np.array([place[node.model] for node in rows], dtype=np.int64)
        self.gpu_pods: Ints = np.zeros((len(rows), width + 1), dtype=np.int64)
        self.version: Ints = np.zeros(len(rows), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def copy(self) -> NodeColumns:
        """One that can be filled while this one stays as it is."""
        other = NodeColumns(())
        other.names, other.models = self.names, self.models
        other.gpu_count, other.model = self.gpu_count, self.model
        other.cpu_left, other.memory_left = self.cpu_left.copy(), self.memory_left.copy()
        other.gpu_left, other.gpu_total = self.gpu_left.copy(order="K"), self.gpu_total.copy()
        other.version = self.version.copy()
        other.gpu_pods = self.gpu_pods.copy()
        return other

    def allowed_models(self, shape: Shape) -> Bools:
        """Which of `models` the shape can run on, shape (M,)."""
        return np.array([not shape.models or model in shape.models for model in self.models], dtype=np.bool_)

    def fits(self, shape: Shape, rows: Rows) -> Bools:
        """Which of *rows* have room for it."""
        good: Bools = (self.cpu_left[rows] >= shape.cpu_milli) & (self.memory_left[rows] >= shape.memory)
        if shape.gpus:
            if shape.models:
                good &= self.allowed_models(shape)[self.model[rows]]
            enough = self.gpu_left[rows] >= shape.gpu_milli
            if shape.gpus == 1:
                good &= enough.any(axis=1)
            else:
                # As bytes, which are counted eight times as fast as integers are, where they can count that far.
                counts = np.int8 if enough.shape[1] <= 127 else np.int64
                good &= enough.view(np.int8).sum(axis=1, dtype=counts) >= shape.gpus
        return good

    def tightest_gpus(self, shape: Shape, row: int) -> tuple[int, ...]:
        """The GPUs of a row, on which it fits, that have the least left; of equals the first ones."""
        left = self.gpu_left[row]
        usable = [gpu for gpu in range(left.size) if left[gpu] >= shape.gpu_milli]
        usable.sort(key=lambda gpu: int(left[gpu]))
        return tuple(sorted(usable[: shape.gpus]))

    def take(self, shape: Shape, row: int, gpus: Sequence[int]) -> None:
        """Puts a pod of *shape* on *row*, which has room, on these of its GPUs."""
        self._change(shape, row, gpus, -1)

    def give_back(self, shape: Shape, row: int, gpus: Sequence[int]) -> None:
        """Takes such a pod away again."""
        self._change(shape, row, gpus, 1)

    def _change(self, shape: Shape, row: int, gpus: Sequence[int], sign: int) -> None:
        self.cpu_left[row] += sign * shape.cpu_milli
        self.memory_left[row] += sign * shape.memory
        for gpu in gpus:
            self.gpu_left[row, gpu] += sign * shape.gpu_milli
        self.gpu_total[row] += sign * len(gpus) * shape.gpu_milli
        if shape.gpus:
            self.gpu_pods[row, 0 if shape.is_share else shape.gpus] -= sign
        self.version[row] += 1

"""The same policies on the columns of host/solvers/placement, for problems with many pods and nodes.

Columns count in integers. CPU is scaled so that the largest node has as much as the largest of the published
cluster, which the policies weigh by; demands are rounded up and room down, so what fits here fits exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from host.solvers.placement.fgd import Fgd
from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.placer import NO_ROOM, Placer, Spot
from host.solvers.placement.policies import NODE_CPU_MILLI, POLICIES
from host.solvers.placement.shapes import Shape, TypicalPod, table_of
from host.solvers.ruled import RuleState
from plugin_sdk.contract.problems.placement import PlacementProblem, Pod

MOST = 2**60  # of an integer column: more than anybody has, and sums of a few stay below the largest integer
_EDGE = 1e-6  # of a unit: what the product of two floats may be off


class ColumnPods:
    """A `Board` of columns, by one policy. `spots` has the GPUs of each pod that was placed."""

    def __init__(self, problem: PlacementProblem, policy: str) -> None:
        nodes = problem.nodes
        self.count = len(nodes)
        self.spots: dict[int, list[int]] = {}
        most_cpu = max(node.cpu_capacity for node in nodes) or 1.0
        self._cpu_scale = NODE_CPU_MILLI / most_cpu
        amounts = [pod.memory for pod in problem.pods] + [node.memory for node in nodes if node.memory < MOST]
        most_memory = max(amounts, default=0.0) or 1.0
        whole = all(each == int(each) for each in amounts if each < MOST)
        self._memory_scale = 1.0 if whole else 2.0**40 / most_memory
        columns = NodeColumns(
            Node(
                f"{index:09d}",  # rows in the order of the request: of equals the first is taken
                _down(node.cpu * self._cpu_scale),
                _down(node.memory * self._memory_scale),
                node.gpus,
                node.gpu_model or "",
            )
            for index, node in enumerate(nodes)
        )
        table = table_of(self._shape(pod) for pod in problem.pods)
        typical = [
            TypicalPod(self._shape(Pod("", each.cpu, 0.0, each.gpu, {})), each.share)
            for each in problem.typical
        ]
        self._shape_of = table.of_pod
        # Not compiled: that takes seconds once, while the caller of a first request waits.
        chosen = Fgd(typical, compiled=False) if policy == "fgd" else POLICIES[policy](typical, 0)
        self._placer = Placer(columns, table.shapes, chosen)
        self._columns = columns

    def best(self, item: int, state: RuleState) -> int | None:
        """See `Board.best`."""
        scores = self._placer.scores(self._shape_of[item])
        only, barred = state.only(item), state.barred(item)
        if only is not None:
            rows = np.array(sorted(only - barred), dtype=np.int64)
            if not rows.size:
                return None
            row = int(rows[scores[rows].argmax()])
        else:
            if barred:
                scores = scores.copy()
                scores[np.fromiter(barred, dtype=np.int64)] = NO_ROOM
            row = int(scores.argmax())
        return None if scores[row] == NO_ROOM else row

    def holds(self, items: Sequence[int], node: int) -> bool:
        """See `Board.holds`."""
        rows, placed, fits = np.array([node]), [], True
        for item in items:
            shape = self._placer.shapes[self._shape_of[item]]
            fits = bool(self._columns.fits(shape, rows)[0])
            if not fits:
                break
            gpus = self._columns.tightest_gpus(shape, node)
            self._columns.take(shape, node, gpus)
            placed.append((shape, gpus))
        for shape, gpus in placed:
            self._columns.give_back(shape, node, gpus)
        return fits

    def put(self, item: int, node: int) -> None:
        """See `Board.put`."""
        shape = self._shape_of[item]
        spot: Spot = self._placer.spot(shape, node)
        self._placer.put(shape, spot)
        self.spots[item] = [int(gpu) for gpu in spot.gpus]

    def _shape(self, pod: Pod) -> Shape:
        gpu = pod.gpu
        return Shape(
            _up(pod.cpu * self._cpu_scale),
            _up(pod.memory * self._memory_scale),
            gpu.count if gpu else 0,
            gpu.milli if gpu else 0,
            frozenset(gpu.models) if gpu and gpu.models else frozenset(),
        )


def _down(amount: float) -> int:
    return min(math.floor(amount + _EDGE), MOST) if amount < MOST else MOST


def _up(amount: Any) -> int:
    # Beyond what any node is said to have, so that it fits nowhere.
    return math.ceil(amount - _EDGE) if amount < MOST else MOST + 1

"""Places pods one by one by a policy, remembering what it knows of nodes that have not changed.

Theory of operation. A placement changes one node. So the score of every node is kept for every shape, with the
version of the node it was computed from; a decision brings the stale ones up to date and takes the first best.
With 91 shapes and 1,213 nodes that is a hundred times less work than ranking all nodes for each pod.

The first look at a shape has to take in all nodes. A policy that is a formula over columns is applied to whole
columns, with room or not, and what has none is struck out: to pick rows out of columns costs more than to compute
them. One that looks closely at each node looks at one of each kind (alike.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.solvers.placement.alike import alike
from host.solvers.placement.fgd import Fgd
from host.solvers.placement.nodes import EVERY, Ints, NodeColumns
from host.solvers.placement.policies import BestFit, DotProduct, GpuPacking, Policy, RandomFit
from host.solvers.placement.shapes import Shape

NO_ROOM = -1
MANY = 256  # rows from which looking for those that are alike is less work than looking at them all


@dataclass(frozen=True)
class Spot:
    """Where a pod goes: a row of the nodes, and GPUs of it."""

    row: int
    gpus: tuple[int, ...]


@dataclass(frozen=True)
class _Known:
    """What is known of all nodes for one shape."""

    score: Ints
    gpu: Ints
    version: Ints


class Placer:
    """Pods of the given shapes onto `nodes`, which it changes.

    Args:
        shapes: All that will be asked for; calls name them by index.
    """

    def __init__(self, nodes: NodeColumns, shapes: Sequence[Shape], policy: Policy) -> None:
        self.nodes = nodes
        self.shapes = shapes
        self.policy = policy
        self._known: dict[int, _Known] = {}
        self._remembers = not isinstance(policy, RandomFit)

    def scores(self, shape: int) -> Ints:
        """The policy's score of every row, `NO_ROOM` where it does not fit. Not to be changed."""
        return self._current(shape).score

    def choose(self, shape: int) -> Spot | None:
        """Where the policy would put it; `None` when it fits nowhere."""
        known = self._current(shape)
        row = int(known.score.argmax()) if len(self.nodes) else 0
        if not len(self.nodes) or known.score[row] == NO_ROOM:
            return None
        return self.spot(shape, row)

    def spot(self, shape: int, row: int) -> Spot:
        """The GPUs of *row*, where it has room, that the policy would use."""
        wanted = self.shapes[shape]
        if not wanted.gpus:
            return Spot(row, ())
        chosen = int(self._current(shape).gpu[row])
        return Spot(row, (chosen,) if chosen >= 0 else self.nodes.tightest_gpus(wanted, row))

    def put(self, shape: int, spot: Spot) -> None:
        """Places one there."""
        self.nodes.take(self.shapes[shape], spot.row, spot.gpus)

    def place(self, shape: int) -> Spot | None:
        """Chooses and puts."""
        spot = self.choose(shape)
        if spot is not None:
            self.put(shape, spot)
        return spot

    def _current(self, shape: int) -> _Known:
        known = self._known.get(shape)
        if known is None or not self._remembers:
            known = self._known[shape] = self._first_look(self.shapes[shape])
            return known
        stale = np.flatnonzero(known.version != self.nodes.version)
        if stale.size:
            fits = self.nodes.fits(self.shapes[shape], stale)
            known.version[stale] = self.nodes.version[stale]
            known.score[stale] = NO_ROOM
            rows = stale[fits]
            if rows.size:
                known.score[rows], known.gpu[rows] = self.policy.rank(self.nodes, self.shapes[shape], rows)
        return known

    def _first_look(self, shape: Shape) -> _Known:
        nodes, policy = self.nodes, self.policy
        fits = nodes.fits(shape, EVERY)
        if isinstance(policy, BestFit | DotProduct):
            score, gpu = policy.rank(nodes, shape, EVERY)
            score[~fits] = NO_ROOM
            return _Known(score, gpu, nodes.version.copy())
        known = _Known(np.full(fits.size, NO_ROOM), np.full(fits.size, -1), nodes.version.copy())
        rows = np.flatnonzero(fits)
        looks_closely = isinstance(policy, Fgd) or (isinstance(policy, GpuPacking) and shape.gpus)
        if looks_closely and rows.size >= MANY:
            place, stands = alike(nodes, rows)
            score, gpu = np.empty((2, rows.size), dtype=np.int64)
            score[stands], gpu[stands] = policy.rank(nodes, shape, rows[stands])
            known.score[rows], known.gpu[rows] = score.take(place), gpu.take(place)
        elif rows.size:
            known.score[rows], known.gpu[rows] = policy.rank(nodes, shape, rows)
        return known

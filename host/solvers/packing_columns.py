"""First fit decreasing over columns of bins: for problems with thousands of items.

Bins stand in blocks, and each block knows the most it has of each resource; most blocks are passed over by that, and
a block is searched by one operation of numpy. Room only ever shrinks, so an item that asks for at least as much as
one that found no room finds none either.

Source: as packing.py; the blocks are a skip list of two levels in place of Johnson's tournament tree, which looks at
one resource at a time and is slow where room of one and lack of another lie side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from host.solvers.stop import Stop
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, PackingProblem

CAPACITY_SLACK = 5e-10  # as packing.py's: half of what the verifier allows
BLOCK = 256  # bins
BLOCKS_SINGLY = 3  # blocks searched one by one before all that are left are searched together
_STOP_EVERY = 256  # items between two questions whether time is up

Floats = Any  # numpy's arrays


class _Bins:
    """Room of bins, resource by bin, as blocks.

    Args:
        free: Resource by bin: what is left at first.
        opened: How many bins may be used at once; the others follow one by one, when no open one has room.
    """

    def __init__(self, free: Floats, opened: int) -> None:
        self.limit = free.shape[1]
        blocks = max(1, -(-self.limit // BLOCK))
        self._free = np.full((free.shape[0], blocks * BLOCK), -1.0)
        self._free[:, : self.limit] = free
        self.opened = opened
        self._most = np.full((free.shape[0], blocks), -1.0)
        for block in range(-(-opened // BLOCK)):
            self._look(block)

    def place(self, demand: Floats) -> int | None:
        """The first open bin with room, else a new one; its room is taken. `None` when there is neither."""
        found = self._first(demand)
        if found is None:
            if self.opened >= self.limit or (self._free[:, self.opened] < demand).any():
                return None
            found = self.opened
            self.opened += 1
        self.take(found, demand)
        return found

    def take(self, found: int, demand: Floats) -> None:
        """Takes from a bin what fits into it."""
        self._free[:, found] -= demand
        self._look(found // BLOCK)

    def fits(self, found: int, demand: Floats) -> bool:
        """Whether this bin has room."""
        return bool((self._free[:, found] >= demand).all())

    def _first(self, demand: Floats) -> int | None:
        column = demand[:, None]
        count = -(-self.opened // BLOCK)
        blocks = (self._most[:, :count] >= column).all(axis=0).nonzero()[0]
        for block in blocks[:BLOCKS_SINGLY]:
            begin = int(block) * BLOCK
            end = min(begin + BLOCK, self.opened)
            good = (self._free[:, begin:end] >= column).all(axis=0)
            at = int(good.argmax())
            if good[at]:
                return begin + at
        if blocks.size <= BLOCKS_SINGLY:
            return None
        begin = int(blocks[BLOCKS_SINGLY]) * BLOCK
        good = (self._free[:, begin : self.opened] >= column).all(axis=0)
        at = int(good.argmax())
        return begin + at if good[at] else None

    def _look(self, block: int) -> None:
        begin = block * BLOCK
        self._most[:, block] = self._free[:, begin : min(begin + BLOCK, max(self.opened, 1))].max(axis=1)


def first_fit(problem: PackingProblem, out_of_time: Stop) -> PackingAnswer:
    """The largest first, in as many readings of "largest" as there is time for; the best outcome.

    Args:
        out_of_time: When it says so in the first reading, what is left goes to the bin at hand or a new one.
    """
    demand = np.array([list(item.demand.values()) for item in problem.items], dtype=np.float64)
    free, ids, scale, opened = _room(problem, len(demand))
    shares = demand / scale
    best: tuple[tuple[int, int], list[int | None]] | None = None
    for size in (shares.max(axis=1) + 1e-6 * shares.sum(axis=1), shares.sum(axis=1), (shares**2).sum(axis=1)):
        if best is not None and (out_of_time() or shares.shape[1] == 1):
            break
        # Stable, so that of equals the first goes first.
        order = np.argsort(-size, kind="stable")
        placed = _pack(_Bins(free, opened), demand, order, out_of_time, sure=best is None)
        if placed is None:
            break
        worth = (placed.count(None), len(set(placed) - {None}))
        if best is None or worth < best[0]:
            best = (worth, placed)
    assert best is not None  # the first reading is always finished
    return _answer(problem, ids, best[1])


def _pack(
    bins: _Bins, demand: Floats, order: Floats, out_of_time: Stop, *, sure: bool
) -> list[int | None] | None:
    placed: list[int | None] = [None] * len(demand)
    hopeless: Floats | None = None
    hurry, at_hand = False, 0
    for step, item in enumerate(order.tolist()):
        if step % _STOP_EVERY == 0 and not hurry and out_of_time():
            if not sure:
                return None
            hurry, at_hand = True, max(bins.opened - 1, 0)
        asked = demand[item]
        if hurry:
            at_hand = _next_fit(bins, asked, at_hand, placed, item)
            continue
        if hopeless is not None and (asked >= hopeless).all():
            continue
        placed[item] = bins.place(asked)
        if placed[item] is None:
            hopeless = asked
    return placed


def _next_fit(bins: _Bins, asked: Floats, at_hand: int, placed: list[int | None], item: int) -> int:
    """The bin at hand, the next one, or none: two looks and no search."""
    for found in (at_hand, at_hand + 1):
        if found < bins.limit and bins.fits(found, asked):
            bins.opened = max(bins.opened, found + 1)
            bins.take(found, asked)
            placed[item] = found
            return found
    return at_hand


def _room(problem: PackingProblem, count: int) -> tuple[Floats, list[str], Floats, int]:
    """What is free, resource by bin; the bins' ids; the largest capacities; how many are open from the start."""
    names = problem.resources
    if problem.nodes is None:
        assert problem.node_capacity is not None
        capacity = np.array([problem.node_capacity[name] for name in names])
        most = min(count, problem.max_nodes or count)
        free = np.repeat((capacity * (1 + CAPACITY_SLACK))[:, None], most, axis=1)
        return free, [f"node-{number}" for number in range(1, most + 1)], _scale(capacity), 0
    capacity = np.array([max(node.capacity.get(name, 0.0) for node in problem.nodes) for name in names])
    rows = np.array(
        [
            [node.free(name) + CAPACITY_SLACK * node.capacity.get(name, 0.0) for name in names]
            for node in problem.nodes
        ]
    )
    # The roomiest first: first fit then fills few nodes, and under maxNodes these are the ones to use.
    order = np.argsort(-(rows / _scale(capacity)).sum(axis=1), kind="stable")[: problem.max_nodes]
    return rows[order].T, [problem.nodes[index].id for index in order.tolist()], _scale(capacity), len(order)


def _scale(capacity: Floats) -> Floats:
    return np.where(capacity > 0, capacity, np.inf)


def _answer(problem: PackingProblem, ids: Sequence[str], placed: Sequence[int | None]) -> PackingAnswer:
    held: dict[int, list[str]] = {}
    unplaced = []
    for item, found in zip(problem.items, placed, strict=True):
        if found is None:
            unplaced.append(item.id)
        else:
            held.setdefault(found, []).append(item.id)
    return PackingAnswer([PackedNode(ids[found], held[found]) for found in sorted(held)], unplaced)

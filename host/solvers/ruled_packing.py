"""Items onto nodes under rules: first fit and best fit, decreasing, where not only capacities count.

Source: as packing.py; the rules and their order are ruled.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from host.solvers.ruled import RuleState, in_order, place_units
from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, PackingProblem

CAPACITY_SLACK = 5e-10  # as packing.py's: half of what the verifier allows
COLUMNS_FROM = 40_000  # items x nodes from which numpy is worth its import and its calls


@dataclass(frozen=True)
class Nodes:
    """What there is to place on.

    Fields:
        free: Node by resource: what is left at first, the slack included.
        capacity: The largest of each resource.
        alike_from: From this index on nodes are opened as needed, all alike.
    """

    ids: list[str]
    free: list[list[float]]
    capacity: list[float]
    alike_from: int


class Bins:
    """Nodes as rows of what is left, looked at one by one."""

    def __init__(self, table: Nodes, demand: list[tuple[float, ...]], scale: Sequence[float]) -> None:
        free = [list(row) for row in table.free]
        self.count = len(free)
        self._free = free
        self._demand = demand
        self._scale = scale
        self.tightest = False

    def best(self, item: int, state: RuleState) -> int | None:
        """See `Board.best`: the first with room, or the one with the least left when *tightest* is set."""
        demand = self._demand[item]
        found, least = None, float("inf")
        for node in state.candidates(item, self.count):
            row = self._free[node]
            if all(left >= need for left, need in zip(row, demand, strict=True)):
                if not self.tightest:
                    return node
                # An empty node is the last resort: fewest nodes come before the tightest fit.
                left_over = sum(left / top for left, top in zip(row, self._scale, strict=True))
                left_over += 0.0 if node in state.used else len(self._scale) + 1.0
                if left_over < least:
                    found, least = node, left_over
        return found

    def holds(self, items: Sequence[int], node: int) -> bool:
        """See `Board.holds`."""
        asked = [sum(amounts) for amounts in zip(*(self._demand[item] for item in items), strict=True)]
        return all(left >= need for left, need in zip(self._free[node], asked, strict=True))

    def put(self, item: int, node: int) -> None:
        """See `Board.put`."""
        row = self._free[node]
        for resource, need in enumerate(self._demand[item]):
            row[resource] -= need


class ColumnBins(Bins):
    """The same with numpy: one operation looks at all nodes."""

    def __init__(self, table: Nodes, demand: list[tuple[float, ...]], scale: Sequence[float]) -> None:
        super().__init__(table, demand, scale)
        import numpy as np  # only for problems that are worth it

        self._np: Any = np
        self._rows: Any = np.array(table.free, dtype=np.float64)
        self._asked: Any = np.array(demand, dtype=np.float64)
        self._weights: Any = 1.0 / np.array(scale, dtype=np.float64)
        self._is_used: Any = np.zeros(self.count, dtype=np.bool_)
        self._looked_at = min(table.alike_from + 1, self.count)

    def best(self, item: int, state: RuleState) -> int | None:
        """See `Bins.best`."""
        np = self._np
        only = state.only(item)
        rows = None if only is None else np.array(sorted(only), dtype=np.int64)
        # Nodes that are opened as needed are all alike beyond the last one in use: one of them stands for all.
        free = self._rows[: self._looked_at] if rows is None else self._rows[rows]
        good = (free >= self._asked[item]).all(axis=1)
        barred = state.barred(item)
        if barred:
            away = np.fromiter(barred, dtype=np.int64)
            if rows is None:
                good[away] = False
            else:
                good &= ~np.isin(rows, away)
        if not good.any():
            return None
        if self.tightest:
            used = self._is_used[: self._looked_at] if rows is None else self._is_used[rows]
            left = free @ self._weights + np.where(used, 0.0, len(self._scale) + 1.0)
            at = int(np.where(good, left, np.inf).argmin())
        else:
            at = int(good.argmax())
        return at if rows is None else int(rows[at])

    def holds(self, items: Sequence[int], node: int) -> bool:
        """See `Board.holds`."""
        asked = self._asked[list(items)].sum(axis=0)
        return bool((self._rows[node] >= asked).all())

    def put(self, item: int, node: int) -> None:
        """See `Board.put`."""
        self._rows[node] -= self._asked[item]
        self._is_used[node] = True
        self._looked_at = max(self._looked_at, min(node + 2, self.count))


def pack_by_rules(problem: PackingProblem, hurry: Stop = never, *, tightest: bool) -> PackingAnswer:
    """Each unit, the largest of a priority first, onto the first node with room (or the tightest).

    Args:
        hurry: When it says so, what is not placed yet stays unplaced, and no further order is tried. An answer
            that leaves out something for something lower in priority is never made by it: units come in order.
    """
    names, ids = problem.resources, [item.id for item in problem.items]
    table = _nodes(problem)
    scale = [top or float("inf") for top in table.capacity]
    demand = [tuple(item.demand[name] for name in names) for item in problem.items]
    shares = [[need / top for need, top in zip(row, scale, strict=True)] for row in demand]
    sizes: list[Callable[[int], float]] = [
        lambda item: max(shares[item]) + 1e-6 * sum(shares[item]),
        lambda item: sum(shares[item]),
    ]
    if problem.rules.max_nodes is not None or problem.nodes is not None:
        sizes.append(lambda item: -sum(shares[item]))  # where room is scarce, the small ones first place more
    kind = ColumnBins if len(ids) * len(table.ids) >= COLUMNS_FROM else Bins
    best: tuple[tuple[int, int], RuleState] | None = None
    for size in sizes[:1] if len(names) == 1 and len(sizes) < 3 else sizes:
        board, state = (
            kind(table, demand, scale),
            RuleState(problem.rules, ids, table.ids),
        )
        board.tightest = tightest
        place_units(in_order(problem.rules, ids, size), board, state, size, hurry)
        worth = (len(ids) - len(state.node_of), len(state.used))
        if best is None or worth < best[0]:
            best = (worth, state)
        if hurry() or (best and best[0][0] == 0 and len(best[1].used) <= 1):
            break
    assert best is not None  # the first order is begun whatever the time
    return _answer(ids, table.ids, best[1])


def _nodes(problem: PackingProblem) -> Nodes:
    names = problem.resources
    if problem.nodes is not None:
        capacity = [max(node.capacity.get(name, 0.0) for node in problem.nodes) for name in names]
        rows = [
            ([node.free(name) + CAPACITY_SLACK * node.capacity.get(name, 0.0) for name in names], node.id)
            for node in problem.nodes
        ]
        rows.sort(key=lambda row: -sum(left / top for left, top in zip(row[0], capacity, strict=True) if top))
        return Nodes([name for _, name in rows], [row for row, _ in rows], capacity, len(rows))
    assert problem.node_capacity is not None
    capacity = [problem.node_capacity[name] for name in names]
    rules = problem.rules
    named = dict.fromkeys(
        name for item in (*rules.allowed, *rules.pinned) for name in rules.nodes_of(item) or ()
    )
    opened = [f"node-{number}" for number in range(1, len(problem.items) + 1)]
    ids = list(dict.fromkeys([*named, *opened]))
    room = [top + CAPACITY_SLACK * top for top in capacity]
    return Nodes(ids, [room] * len(ids), capacity, len(named))


def _answer(ids: Sequence[str], node_ids: Sequence[str], state: RuleState) -> PackingAnswer:
    held: dict[int, list[str]] = {}
    for item, node in sorted(state.node_of.items()):
        held.setdefault(node, []).append(ids[item])
    return PackingAnswer(
        [PackedNode(node_ids[node], held[node]) for node in sorted(held)],
        [name for index, name in enumerate(ids) if index not in state.node_of],
    )

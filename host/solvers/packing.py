"""Items onto nodes, few as will do: first-fit-decreasing and best-fit-decreasing in any number of resources.

An item's *share* of a resource is its demand over the largest capacity. "Decreasing" has several readings
with more than one resource; each is tried and the best outcome kept. When not all items can be placed, the
largest are left out until the others fit, because fewer unplaced items is what counts first.

Sources: Johnson (1973), Near-optimal bin packing algorithms (first and best fit, decreasing); Panigrahy,
Talwar, Uyeda and Wieder (2011), Heuristics for vector bin packing (the readings of "decreasing").
"""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from host.solvers.first_fit import FirstFit
from host.solvers.ruled_packing import pack_by_rules
from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, PackingProblem

CAPACITY_SLACK = 5e-10
"""Of a capacity: how far sums of floats may go over it. Half of what the verifier allows, so that the order
in which amounts are added never turns an answer from here into an infeasible one."""

COLUMNS_FROM = 3000  # items from which numpy is worth its import
TREES_UP_TO = 20_000  # items beyond which the largest are not left out one half after the other
_STOP_EVERY = 256  # items between two questions whether time is up

Pack = Callable[["_Table", Sequence[int], Stop], "_Outcome | None"]


@dataclass(frozen=True)
class _Table:
    """The problem as rows of floats.

    Fields:
        free: Bin by resource: what is left at first, the slack included. Largest bins first.
        bin_ids: In the order of `free`.
        demand: Item by resource, in the caller's unit.
        shares: Item by resource, over the largest capacity of it; 0 where there is none.
        scale: Resource: its largest capacity, or infinity where there is none.
    """

    free: list[tuple[float, ...]]
    bin_ids: list[str]
    demand: list[tuple[float, ...]]
    shares: list[tuple[float, ...]]
    scale: tuple[float, ...]


@dataclass(frozen=True)
class _Outcome:
    """Item indices by bin index, in the order they were placed; and those without a bin."""

    bins: dict[int, list[int]]
    unplaced: list[int]

    @property
    def worth(self) -> tuple[int, int]:
        """Lower is better: unplaced items, then bins used."""
        return (len(self.unplaced), len(self.bins))


def first_fit_decreasing(problem: PackingProblem, out_of_time: Stop = never) -> PackingAnswer:
    """Each item, largest first, onto the first node that has room.

    Args:
        out_of_time: When it says so, the items that are left go to the node at hand or a later one (next
            fit), which takes next to no time: there is always an answer.
    """
    if not problem.rules.only_counts:
        return pack_by_rules(problem, out_of_time, tightest=False)
    if len(problem.items) >= COLUMNS_FROM:
        from host.solvers.packing_columns import first_fit  # numpy: for problems that are worth it

        found = first_fit(problem, out_of_time)
        if not found.unplaced or out_of_time() or len(problem.items) >= TREES_UP_TO:
            return found
    answer = _solve(problem, _first_fit, out_of_time, sure=True)
    assert answer is not None  # `sure` finishes the first attempt whatever the time
    return answer


def best_fit_decreasing(problem: PackingProblem, out_of_time: Stop = never) -> PackingAnswer | None:
    """Each item, largest first, onto the open node that it leaves the least room on.

    Returns:
        The answer, or `None` when time ran out before the first attempt was done.
    """
    if not problem.rules.only_counts:
        return None if out_of_time() else pack_by_rules(problem, out_of_time, tightest=True)
    return _solve(problem, _best_fit, out_of_time, sure=False)


def _solve(problem: PackingProblem, pack: Pack, out_of_time: Stop, *, sure: bool) -> PackingAnswer | None:
    table = _table(problem)
    orders = _decreasing_orders(table)
    largest_first = next(orders)
    if sure:
        best = _first_fit(table, largest_first, out_of_time, sure=True)
    else:
        best = pack(table, largest_first, out_of_time)
    if best is None:
        return None
    while not out_of_time() and (order := next(orders, None)) is not None:
        found = pack(table, order, out_of_time)
        if found is not None and found.worth < best.worth:
            best = found
    if best.unplaced and not out_of_time():
        best = _leave_out_the_largest(table, largest_first, pack, best, out_of_time)
    return _answer(problem, table, best)


def _table(problem: PackingProblem) -> _Table:
    names = problem.resources
    if problem.nodes is None:
        assert problem.node_capacity is not None
        capacity = tuple(problem.node_capacity[name] for name in names)
        count = min(len(problem.items), problem.max_nodes or len(problem.items))
        bin_ids = [f"node-{number}" for number in range(1, count + 1)]
        free = [tuple(_with_slack(each, each) for each in capacity)] * count
    else:
        capacity = tuple(max(node.capacity.get(name, 0.0) for node in problem.nodes) for name in names)
        rows = [
            (tuple(_with_slack(node.free(name), node.capacity.get(name, 0.0)) for name in names), node.id)
            for node in problem.nodes
        ]
        # The roomiest first: first fit then fills few nodes, and under maxNodes these are the ones to use.
        rows.sort(key=lambda row: -sum(each / top for each, top in zip(row[0], capacity, strict=True) if top))
        rows = rows[: problem.max_nodes]
        free, bin_ids = [row for row, _ in rows], [name for _, name in rows]
    scale = tuple(each or float("inf") for each in capacity)
    demand = [tuple(item.demand[name] for name in names) for item in problem.items]
    shares = [tuple(each / top for each, top in zip(row, scale, strict=True)) for row in demand]
    return _Table(free, bin_ids, demand, shares, scale)


def _with_slack(free: float, capacity: float) -> float:
    return min(free + CAPACITY_SLACK * capacity, sys.float_info.max)


def _decreasing_orders(table: _Table) -> Iterator[list[int]]:
    """Item indices, largest first, in each reading of "largest"; ties stay in the caller's order."""
    readings: list[Callable[[tuple[float, ...]], tuple[float, ...]]] = [
        lambda share: (max(share), sum(share)),
        lambda share: (sum(share),),
        lambda share: (sum(each * each for each in share),),
    ]
    one_resource = len(table.scale) == 1  # then all of them say the same
    for size in readings[:1] if one_resource else readings:
        sizes = [size(share) for share in table.shares]
        yield sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True)


def _first_fit(table: _Table, order: Sequence[int], out_of_time: Stop, sure: bool = False) -> _Outcome | None:
    fitting = FirstFit(list(zip(*table.free, strict=True)))
    bins: dict[int, list[int]] = {}
    unplaced: list[int] = []
    begin, hurry = 0, False
    for step, item in enumerate(order):
        if step % _STOP_EVERY == 0 and not hurry and out_of_time():
            if not sure:
                return None
            hurry = True
        found = fitting.place(table.demand[item], begin)
        if found is None:
            unplaced.append(item)
        else:
            bins.setdefault(found, []).append(item)
            begin = found if hurry else 0
    return _Outcome(bins, unplaced)


def _best_fit(table: _Table, order: Sequence[int], out_of_time: Stop) -> _Outcome | None:
    # Open bins by the sum of their free shares: the first one from an item's own sum on that has room is
    # the one it leaves the least room on, so most bins are never looked at.
    opened: list[tuple[float, int]] = []
    free = [list(row) for row in table.free]
    unopened = FirstFit(list(zip(*table.free, strict=True)))
    bins: dict[int, list[int]] = {}
    unplaced: list[int] = []
    for step, item in enumerate(order):
        if step % _STOP_EVERY == 0 and out_of_time():
            return None
        demand, size = table.demand[item], sum(table.shares[item])
        found = None
        for place in range(bisect_left(opened, (size * (1 - 1e-9) - 1e-8, -1)), len(opened)):
            candidate = opened[place][1]
            if all(left >= need for left, need in zip(free[candidate], demand, strict=True)):
                found = candidate
                del opened[place]
                break
        if found is None:
            found = unopened.first(demand)
            if found is None:
                unplaced.append(item)
                continue
            unopened.close(found)
        row = free[found]
        for resource, need in enumerate(demand):
            row[resource] -= need
        insort(opened, (sum(left / top for left, top in zip(row, table.scale, strict=True)), found))
        bins.setdefault(found, []).append(item)
    return _Outcome(bins, unplaced)


def _leave_out_the_largest(
    table: _Table, largest_first: Sequence[int], pack: Pack, best: _Outcome, out_of_time: Stop
) -> _Outcome:
    """The most of the smallest items that fit all together, found by halving; the rest placed if it happens to fit."""
    count = len(largest_first)
    too_few, enough = 0, len(best.unplaced)  # how many of the largest to leave out
    while too_few + 1 < enough and not out_of_time():
        left_out = (too_few + enough) // 2
        order = [*largest_first[left_out:], *reversed(largest_first[:left_out])]
        found = pack(table, order, out_of_time)
        if found is None:
            break
        if found.worth < best.worth:
            best = found
        if len(found.unplaced) <= left_out:
            enough = left_out
        else:
            too_few = left_out
    if not out_of_time() and count > 1:
        found = pack(table, list(reversed(largest_first)), out_of_time)
        if found is not None and found.worth < best.worth:
            best = found
    return best


def _answer(problem: PackingProblem, table: _Table, outcome: _Outcome) -> PackingAnswer:
    ids = [item.id for item in problem.items]
    nodes = [
        PackedNode(table.bin_ids[each], [ids[i] for i in outcome.bins[each]]) for each in sorted(outcome.bins)
    ]
    if problem.nodes is None:
        for number, node in enumerate(nodes, start=1):
            node.id = f"node-{number}"
    return PackingAnswer(nodes, [ids[i] for i in sorted(outcome.unplaced)])

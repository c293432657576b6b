"""A small population of orders of a job shop, led towards each other and improved by tabu search.

Source: Peng, Lu and Cheng (2015), A tabu search/path relinking algorithm to solve the job shop scheduling problem.
Needs numba (extra `fast`): interpreted, the loops would take hours for what they do in seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from host.errors import ConfigError
from host.solvers.compiling import COMPILED, compiled
from host.solvers.jobshop.moves import AFTER, MACHINE, NONE, columns, measure, order_of, schedule_of, shift
from host.solvers.jobshop.shop import DISPATCH, Schedule, Shop, dispatch, trivial_bound
from host.solvers.jobshop.tabu import draw, search

MEMBERS = 6
IDLE_MOVES = 12_500  # of a search, without a better order
IDLE_CHILDREN = 150  # in a row, of which none was better than the best
CLOSE_PAIRS = 10  # of operations: nearer to each other, two members are one


def best_order(shop: Shop, time_limit_s: float, *, seed: int = 0) -> Schedule:
    """The shortest schedule that populations found, one on each processor; never longer than a dispatching rule's.

    Ends early where the bound of the busiest machine or longest job is met, or nothing better came for long.

    Raises:
        ConfigError: `numba` is not installed.
    """
    if not COMPILED:
        raise ConfigError("tabu search needs numba; pip install 'engine-ops[fast]'")
    starts = [order_of(dispatch(shop, rule)) for rule in DISPATCH.values()]
    threads = len(os.sched_getaffinity(0))
    stopped = Event()
    with ThreadPoolExecutor(threads) as pool:
        try:
            found = list(
                pool.map(
                    lambda number: _evolve(shop, starts, time_limit_s, seed + number, stopped), range(threads)
                )
            )
        except BaseException:
            stopped.set()  # Ctrl-C is heard here, and the pool is left when its threads have ended
            raise
    return schedule_of(shop, min(found, key=lambda member: member.makespan).order)


@dataclass(frozen=True)
class _Member:
    makespan: int
    order: Any


def _evolve(shop: Shop, starts: Sequence[Any], time_limit_s: float, seed: int, stopped: Event) -> _Member:
    table, target = columns(shop), trivial_bound(shop)
    chance = np.array([seed], dtype=np.int64)
    until = time.monotonic() + time_limit_s

    def improved(order: Any) -> _Member:
        return _Member(int(search(order, table, IDLE_MOVES, target, chance)), order)

    members = [improved(start.copy()) for start in starts]
    idle = 0
    while idle < IDLE_CHILDREN and time.monotonic() < until and not stopped.is_set():
        best = min(member.makespan for member in members)
        if best <= target:
            break
        if len(members) < MEMBERS:
            order = starts[len(members) % len(starts)].copy()
            _shake(order, table, chance)
            members.append(improved(order))
            continue
        one = draw(chance, MEMBERS)
        other = (one + 1 + draw(chance, MEMBERS - 1)) % MEMBERS
        order = members[one].order.copy()
        if _lead(order, members[other].order, table, chance) < CLOSE_PAIRS:
            _shake(order, table, chance)
        child = improved(order)
        idle = 0 if child.makespan < best else idle + 1
        worst = max(range(MEMBERS), key=lambda at: members[at].makespan)
        if child.makespan < members[worst].makespan and all(
            child.makespan != each.makespan for each in members
        ):
            members[worst] = child
    return min(members, key=lambda member: member.makespan)


@compiled
def _lead(order: Any, goal: Any, shop: Any, chance: Any) -> int:
    """Takes *order* half the way to *goal* by swaps of neighbours on a machine; how many pairs stood differently."""
    operations = order.size
    steps = np.empty((4, operations), dtype=np.int64)
    marked = np.zeros(operations, dtype=np.bool_)
    place = np.empty(operations, dtype=np.int64)
    for at in range(operations):
        place[goal[at]] = at
    pairs = 0
    for later in range(operations):
        for earlier in range(later):
            if shop[MACHINE, order[earlier]] != shop[MACHINE, order[later]]:
                continue
            if place[order[earlier]] > place[order[later]]:
                pairs += 1
    measure(order, shop, steps)
    for _ in range(pairs // 2):
        at = draw(chance, operations)
        for _ in range(operations):
            at = at + 1 if at + 1 < operations else 0
            after = steps[AFTER, order[at]]
            if after == NONE or place[order[at]] < place[after]:
                continue
            if shift(order, order[at], after, True, shop, steps, marked):
                measure(order, shop, steps)
                break
    return pairs


@compiled
def _shake(order: Any, shop: Any, chance: Any) -> None:
    """As many random swaps of neighbours on a machine as there are operations."""
    steps = np.empty((4, order.size), dtype=np.int64)
    marked = np.zeros(order.size, dtype=np.bool_)
    for _ in range(order.size):
        measure(order, shop, steps)
        first = draw(chance, order.size)
        if steps[AFTER, first] != NONE:
            shift(order, first, steps[AFTER, first], True, shop, steps, marked)

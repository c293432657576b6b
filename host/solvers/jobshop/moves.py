"""The orders of a job shop, measured and moved: loops for numba to compile.

An *order* has all operations, numbered through job by job, such that none comes before one it has to wait for; a machine
does its operations as they come in it. `shop` holds four rows (`columns` makes it), `steps` four that `measure` fills.
A move takes *first* right behind *last* on their machine (*forward*), or *last* right before *first*.

Source of the moves, of when they can close no circle, and of the estimate: Balas and Vazacopoulos (1998), Guided local
search with shifting bottleneck for job shop scheduling.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.solvers.compiling import compiled
from host.solvers.jobshop.shop import Schedule, Shop

NONE = -1
PREVIOUS, NEXT, MACHINE, DURATION = 0, 1, 2, 3  # rows of `shop`; the first two are the neighbours in the job
BEFORE, AFTER, HEAD, TAIL = 0, 1, 2, 3  # rows of `steps`; the first two are the neighbours on the machine


def columns(shop: Shop) -> Any:
    """The shop as (4, operations) of int64, as the loops read it."""
    rows: list[tuple[int, int, int, int]] = []
    for job in shop.jobs:
        for step, operation in enumerate(job):
            number = len(rows)
            previous = number - 1 if step else NONE
            following = number + 1 if step + 1 < len(job) else NONE
            rows.append((previous, following, operation.machine, operation.duration))
    return np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()


def order_of(schedule: Schedule) -> Any:
    """The operations of a schedule as they start: (operations) of int64."""
    starts = np.array([start for row in schedule for start in row], dtype=np.int64)
    return np.argsort(starts, kind="stable").astype(np.int64)


def schedule_of(shop: Shop, order: Any) -> Schedule:
    """Every operation as early as the order lets it."""
    table = columns(shop)
    steps = np.empty((4, order.size), dtype=np.int64)
    measure(order, table, steps)
    heads = iter(steps[HEAD].tolist())
    return [[next(heads) for _ in job] for job in shop.jobs]


@compiled
def measure(order: Any, shop: Any, steps: Any) -> int:
    """The makespan.

    `steps` gets the neighbours on the machines, the earliest starts (heads), and the longest ways from the end of an
    operation to the end of all (tails).
    """
    latest = np.full(shop[MACHINE].max() + 1, NONE, dtype=np.int64)
    makespan = 0
    for at in range(order.size):
        each = order[at]
        before = latest[shop[MACHINE, each]]
        latest[shop[MACHINE, each]] = each
        steps[BEFORE, each] = before
        steps[AFTER, each] = NONE
        head = 0
        if before != NONE:
            steps[AFTER, before] = each
            head = steps[HEAD, before] + shop[DURATION, before]
        previous = shop[PREVIOUS, each]
        if previous != NONE:
            head = max(head, steps[HEAD, previous] + shop[DURATION, previous])
        steps[HEAD, each] = head
        makespan = max(makespan, head + shop[DURATION, each])
    for at in range(order.size - 1, -1, -1):
        each = order[at]
        tail = 0
        for following in (shop[NEXT, each], steps[AFTER, each]):
            if following != NONE:
                tail = max(tail, steps[TAIL, following] + shop[DURATION, following])
        steps[TAIL, each] = tail
    return makespan


@compiled
def estimate(first: int, last: int, forward: bool, shop: Any, steps: Any, room: Any) -> int:
    """The longest way through the operations that a move touches, after it; `room` is (2, operations) to work in."""
    count = 0
    if not forward:
        room[0, 0] = last
        count = 1
    each = steps[AFTER, first] if forward else first
    while each != last:
        room[0, count] = each
        count += 1
        each = steps[AFTER, each]
    if forward:
        room[0, count] = last
        room[0, count + 1] = first
        count += 2
    outer = steps[BEFORE, first]
    ready = 0 if outer == NONE else steps[HEAD, outer] + shop[DURATION, outer]
    for at in range(count):
        each = room[0, at]
        previous = shop[PREVIOUS, each]
        if previous != NONE:
            ready = max(ready, steps[HEAD, previous] + shop[DURATION, previous])
        ready += shop[DURATION, each]
        room[1, at] = ready
    outer = steps[AFTER, last]
    rest = 0 if outer == NONE else steps[TAIL, outer] + shop[DURATION, outer]
    longest = 0
    for at in range(count - 1, -1, -1):
        each = room[0, at]
        following = shop[NEXT, each]
        if following != NONE:
            rest = max(rest, steps[TAIL, following] + shop[DURATION, following])
        longest = max(longest, room[1, at] + rest)
        rest += shop[DURATION, each]
    return longest


@compiled
def shift(order: Any, first: int, last: int, forward: bool, shop: Any, steps: Any, marked: Any) -> bool:
    """Makes a move; false, and nothing changed, where it would close a circle. `marked` is (operations) to work in.

    Of those that stand between the two in the order, what *last* waits for goes ahead of all else (*forward*), or what
    waits for *first* goes behind all else.
    """
    start = end = 0
    for at in range(order.size):
        if order[at] == first:
            start = at
        if order[at] == last:
            end = at
    marked[:] = False
    if forward:
        marked[last] = True
        for at in range(end, start, -1):
            each = order[at]
            if marked[each]:
                for before in (shop[PREVIOUS, each], steps[BEFORE, each]):
                    if before != NONE:
                        marked[before] = True
        own, lone = shop[NEXT, first], first
    else:
        marked[first] = True
        for at in range(start, end):
            each = order[at]
            if marked[each]:
                for after in (shop[NEXT, each], steps[AFTER, each]):
                    if after != NONE:
                        marked[after] = True
        own, lone = shop[PREVIOUS, last], last
    if own != NONE and marked[own]:
        return False
    marked[lone] = False
    kept = order[start : end + 1].copy()
    at = start
    for ahead in (forward, not forward):
        for each in kept:
            if marked[each] == ahead:
                order[at] = each
                at += 1
    return True

"""Tabu search: one order of a job shop, made better move by move.

Each step makes the best move that brings back nothing given up lately, even where it makes the order worse.

Sources: Nowicki and Smutnicki (1996), A fast taboo search algorithm for the job shop problem; Zhang, Li, Rao and Guan (2008),
A very fast TS/SA algorithm for the job shop scheduling problem, for the moves within a block and the length of the tabu list.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.solvers.compiling import compiled
from host.solvers.jobshop.moves import (
    AFTER,
    BEFORE,
    DURATION,
    HEAD,
    MACHINE,
    NEXT,
    NONE,
    PREVIOUS,
    TAIL,
    estimate,
    measure,
    shift,
)

FAR = 1 << 60
TO_THE_END, TO_THE_START, FIRST_INTO, LAST_INTO = 0, 1, 2, 3  # what a move does with a block's operations


@compiled
def draw(chance: Any, below: int) -> int:
    """The next number of a generator that threads do not share (Knuth's MMIX constants); `chance` is (1) of int64."""
    chance[0] = (chance[0] * 6364136223846793005 + 1442695040888963407) & 0x7FFFFFFFFFFFFFFF
    return int((chance[0] >> 33) % below)


@compiled
def search(order: Any, shop: Any, idle_moves: int, target: int, chance: Any) -> int:
    """Improves *order* in place until *idle_moves* in a row found nothing better or *target* is met; the makespan."""
    operations = order.size
    steps = np.empty((4, operations), dtype=np.int64)
    path = np.empty(operations, dtype=np.int64)
    room = np.empty((2, operations), dtype=np.int64)
    marked = np.zeros(operations, dtype=np.bool_)
    until = np.zeros((operations, operations), dtype=np.int64)
    jobs = 0
    for each in range(operations):
        if shop[PREVIOUS, each] == NONE:
            jobs += 1
    machines = shop[MACHINE].max() + 1
    shortest = 10 + jobs // machines
    longest = shortest * 14 // 10 if jobs <= 2 * machines else shortest * 15 // 10
    current = order.copy()
    length = measure(current, shop, steps)
    best = length
    idle = now = 0
    while idle < idle_moves and best > target:
        now += 1
        idle += 1
        size = _critical_path(length, current, shop, steps, chance, path)
        first, last, forward = _choose(path[:size], best, now, shop, steps, until, chance, room)
        if first == NONE:  # no operation of a longest way could go elsewhere: nothing is shorter
            break
        _forbid(first, last, forward, steps, until, now + shortest + draw(chance, longest - shortest + 1))
        shift(current, first, last, forward, shop, steps, marked)
        length = measure(current, shop, steps)
        if length < best:
            best = length
            order[:] = current
            idle = 0
    return best


@compiled
def _critical_path(makespan: int, order: Any, shop: Any, steps: Any, chance: Any, path: Any) -> int:
    """Fills *path*, from its end, with one of the longest ways; how many operations it has."""
    each, seen = NONE, 0
    for at in range(order.size):
        if steps[HEAD, order[at]] + shop[DURATION, order[at]] == makespan:
            seen += 1
            if draw(chance, seen) == 0:
                each = order[at]
    length = 0
    while each != NONE:
        path[length] = each
        length += 1
        chosen, seen = NONE, 0
        for before in (shop[PREVIOUS, each], steps[BEFORE, each]):
            if before != NONE and steps[HEAD, before] + shop[DURATION, before] == steps[HEAD, each]:
                seen += 1
                if draw(chance, seen) == 0:
                    chosen = before
        each = chosen
    return length


@compiled
def _choose(
    path: Any, best: int, now: int, shop: Any, steps: Any, until: Any, chance: Any, room: Any
) -> tuple[int, int, bool]:
    """The move of the shortest estimate that is not tabu, or better than *best*; where all are tabu, any of them."""
    found, ties, seen = FAR, 0, 0
    chosen = (NONE, NONE, True)
    anyone = (NONE, NONE, True)
    at = path.size - 1
    while at >= 0:
        # From path[at] down to path[end] is one block: operations that follow each other on one machine.
        end = at
        while end > 0 and shop[MACHINE, path[end - 1]] == shop[MACHINE, path[at]]:
            end -= 1
        inner_count = at - end
        for kind in range(4 if inner_count > 1 else 1):
            for inner in range(inner_count):
                if kind == TO_THE_END:
                    first, last, forward = path[at - inner], path[end], True
                elif kind == TO_THE_START:
                    first, last, forward = path[at], path[end + inner], False
                elif inner in (0, inner_count - 1):  # those are among the moves above
                    continue
                elif kind == FIRST_INTO:
                    first, last, forward = path[at], path[at - inner - 1], True
                else:
                    first, last, forward = path[at - inner], path[end], False
                if not _closes_no_circle(first, last, forward, shop, steps):
                    continue
                seen += 1
                if draw(chance, seen) == 0:
                    anyone = (first, last, forward)
                value = estimate(first, last, forward, shop, steps, room)
                if value > found or (value >= best and _is_tabu(first, last, forward, steps, until, now)):
                    continue
                ties = ties + 1 if value == found else 1
                found = value
                if draw(chance, ties) == 0:
                    chosen = (first, last, forward)
        at = end - 1
    return chosen if chosen[0] != NONE else anyone


@compiled
def _closes_no_circle(first: int, last: int, forward: bool, shop: Any, steps: Any) -> bool:
    """Surely, where *first* and *last* lie on a longest way; some that are refused would not either."""
    if forward:
        following = shop[NEXT, first]
        return bool(
            following == NONE
            or steps[TAIL, last] + shop[DURATION, last] >= steps[TAIL, following] + shop[DURATION, following]
        )
    previous = shop[PREVIOUS, last]
    return bool(
        previous == NONE
        or steps[HEAD, first] + shop[DURATION, first] >= steps[HEAD, previous] + shop[DURATION, previous]
    )


@compiled
def _is_tabu(first: int, last: int, forward: bool, steps: Any, until: Any, now: int) -> bool:
    """Would the move put two operations back into an order that was given up lately?"""
    each = first
    while each != last:
        if not forward and until[last, each] > now:
            return True
        each = steps[AFTER, each]
        if forward and until[each, first] > now:
            return True
    return False


@compiled
def _forbid(first: int, last: int, forward: bool, steps: Any, until: Any, end: int) -> None:
    """What the move gives up of the order of two operations may not come back until *end*."""
    each = first
    while each != last:
        if not forward:
            until[each, last] = end
        each = steps[AFTER, each]
        if forward:
            until[first, each] = end

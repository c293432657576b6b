from __future__ import annotations

import random

import numpy as np
import pytest

from host.solvers.jobshop.moves import AFTER, NONE, columns, estimate, measure, order_of, schedule_of, shift
from host.solvers.jobshop.shop import DISPATCH, dispatch, fault, makespan

from .shops import some_shop


@pytest.mark.parametrize("rule", sorted(DISPATCH))
def test_an_order_is_no_longer_than_the_schedule_it_is_of(rule: str) -> None:
    shop = some_shop(3, 6, 5)
    schedule = dispatch(shop, DISPATCH[rule])
    order = order_of(schedule)
    again = schedule_of(shop, order)
    assert fault(shop, again) is None
    assert makespan(shop, again) <= makespan(shop, schedule)
    assert measure(order, columns(shop), np.empty((4, order.size), dtype=np.int64)) == makespan(shop, again)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_moves_are_made_an_order_stays_one_that_can_be_done(seed: int) -> None:
    shop = some_shop(seed, 5, 4)
    table, chance = columns(shop), random.Random(seed)
    order = order_of(dispatch(shop, DISPATCH["first-ready"]))
    steps, marked = np.empty((4, order.size), dtype=np.int64), np.zeros(order.size, dtype=np.bool_)
    made = 0
    for _ in range(300):
        measure(order, table, steps)
        first = last = chance.randrange(order.size)
        for _ in range(chance.randrange(1, 4)):
            last = last if steps[AFTER, last] == NONE else int(steps[AFTER, last])
        if first == last:
            continue
        forward, before = chance.random() < 0.5, order.tolist()
        if not shift(order, first, last, forward, table, steps, marked):
            assert order.tolist() == before
            continue
        made += 1
        found = schedule_of(shop, order)
        assert fault(shop, found) is None
        assert sorted(order.tolist()) == list(range(order.size))
        place = {each: at for at, each in enumerate(order.tolist())}
        assert place[last] < place[first]
    assert made > 100


@pytest.mark.parametrize("seed", range(4))
def test_the_estimate_of_a_swap_of_neighbours_is_the_longest_way_through_them(seed: int) -> None:
    shop = some_shop(seed, 5, 4)
    table = columns(shop)
    order = order_of(dispatch(shop, DISPATCH["most-work-left"]))
    steps, marked = np.empty((4, order.size), dtype=np.int64), np.zeros(order.size, dtype=np.bool_)
    room = np.empty((2, order.size), dtype=np.int64)
    tried = 0
    for first in range(order.size):
        measure(order, table, steps)
        last = int(steps[AFTER, first])
        if last == NONE:
            continue
        said = estimate(first, last, True, table, steps, room)
        assert said == estimate(first, last, False, table, steps, room)
        swapped = order.copy()
        if shift(swapped, first, last, True, table, steps, marked):
            tried += 1
            makespan_after = measure(swapped, table, steps)
            through = max(int(steps[2, each] + table[3, each] + steps[3, each]) for each in (first, last))
            assert said == through <= makespan_after
    assert tried > 3

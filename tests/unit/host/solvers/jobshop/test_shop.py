from __future__ import annotations

import random

import pytest

from host.solvers.jobshop.shop import (
    DISPATCH,
    Operation,
    Shop,
    best_dispatch,
    dispatch,
    fault,
    makespan,
    trivial_bound,
)


def some_shop(seed: int, jobs: int = 5, machines: int = 4) -> Shop:
    chance = random.Random(seed)
    rows = []
    for _ in range(jobs):
        order = list(range(machines))
        chance.shuffle(order)
        rows.append(tuple(Operation(machine, chance.randrange(1, 20)) for machine in order))
    return Shop(f"s{seed}", tuple(rows), machines)


@pytest.mark.parametrize("rule", sorted(DISPATCH))
@pytest.mark.parametrize("seed", range(5))
def test_every_rule_gives_a_feasible_schedule_no_shorter_than_the_bound(rule: str, seed: int) -> None:
    shop = some_shop(seed)
    schedule = dispatch(shop, DISPATCH[rule])
    assert fault(shop, schedule) is None
    assert makespan(shop, schedule) >= trivial_bound(shop)
    assert makespan(shop, best_dispatch(shop)[1]) <= makespan(shop, schedule)


def test_a_schedule_that_is_none_is_told_why() -> None:
    shop = Shop("two", ((Operation(0, 3), Operation(1, 2)), (Operation(0, 4), Operation(1, 1))), 2)
    assert fault(shop, [[0, 3], [3, 7]]) is None
    assert "before 3" in (fault(shop, [[0, 2], [3, 7]]) or "")
    assert "machine 0" in (fault(shop, [[0, 3], [2, 7]]) or "")


def test_cp_sat_proves_the_shortest_schedule_of_a_small_shop() -> None:
    pytest.importorskip("ortools", reason="CP-SAT IS MISSING: pip install 'engine-ops[solve]'")
    from host.solvers.jobshop.cp_sat import solve

    shop = some_shop(1, 3, 3)
    found = solve(shop, 20.0)
    assert fault(shop, found.schedule) is None
    assert found.optimal and found.gap == 0
    assert found.makespan == found.bound <= makespan(shop, best_dispatch(shop)[1])

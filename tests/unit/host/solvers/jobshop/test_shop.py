from __future__ import annotations

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

from .shops import some_shop


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

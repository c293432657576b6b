from __future__ import annotations

import pytest

from host.errors import ConfigError
from host.solvers.jobshop import population
from host.solvers.jobshop.population import best_order
from host.solvers.jobshop.shop import Operation, Shop, best_dispatch, fault, makespan, trivial_bound

from .shops import some_shop

numba = pytest.importorskip("numba", reason="NUMBA IS MISSING: pip install 'engine-ops[fast]'")


def test_tabu_search_is_never_longer_than_the_rules_and_mostly_shorter() -> None:
    shorter = 0
    for seed in range(5):
        shop = some_shop(seed, 8, 6)
        found = best_order(shop, 0.2)
        assert fault(shop, found) is None
        ruled = makespan(shop, best_dispatch(shop)[1])
        assert trivial_bound(shop) <= makespan(shop, found) <= ruled
        shorter += makespan(shop, found) < ruled
    assert shorter >= 3


def test_jobs_that_visit_few_machines_or_one_twice_are_shops_too() -> None:
    twice = (Operation(0, 3), Operation(1, 2), Operation(0, 4))
    shop = Shop("odd", (twice, (Operation(1, 5),), (Operation(0, 1), Operation(2, 9)), twice), 3)
    found = best_order(shop, 0.2)
    assert fault(shop, found) is None
    assert makespan(shop, found) == 15  # machine 0 is busy for 15


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "COMPILED", False)
    with pytest.raises(ConfigError, match=r"engine-ops\[fast\]"):
        best_order(some_shop(1), 1.0)

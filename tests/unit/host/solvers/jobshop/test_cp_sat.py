from __future__ import annotations

import pytest

from host.solvers.jobshop import cp_sat
from host.solvers.jobshop.shop import best_dispatch, fault, makespan, trivial_bound

from .shops import some_shop

pytest.importorskip("ortools", reason="CP-SAT IS MISSING: pip install 'engine-ops[solve]'")


def test_cp_sat_proves_the_shortest_schedule_of_a_small_shop() -> None:
    shop = some_shop(1, 3, 3)
    found = cp_sat.solve(shop, 20.0)
    assert fault(shop, found.schedule) is None
    assert found.optimal and found.gap == 0
    assert found.makespan == found.bound <= makespan(shop, best_dispatch(shop)[1])


@pytest.mark.parametrize("begun_by_tabu_search", [True, False])
def test_the_two_ways_to_begin_come_to_the_same_shortest_schedule(
    begun_by_tabu_search: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = some_shop(2, 6, 5)
    small = cp_sat.solve(shop, 20.0)
    monkeypatch.setattr(cp_sat, "SMALL_OPERATIONS", 1)
    monkeypatch.setattr(cp_sat, "COMPILED", cp_sat.COMPILED and begun_by_tabu_search)
    large = cp_sat.solve(shop, 20.0)
    assert fault(shop, large.schedule) is None
    assert small.optimal and large.optimal and small.makespan == large.makespan


def test_a_schedule_as_short_as_its_busiest_machine_needs_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cp_sat, "SMALL_OPERATIONS", 1)
    shop = some_shop(4, 20, 3)
    found = cp_sat.solve(shop, 20.0)
    assert fault(shop, found.schedule) is None
    assert found.optimal and found.makespan == trivial_bound(shop)

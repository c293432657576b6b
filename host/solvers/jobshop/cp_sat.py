"""The job shop by constraint programming: intervals, no overlap on a machine, the shortest makespan.

Large shops are begun by tabu search where numba is installed (extra `fast`): in seconds it is where CP-SAT comes in
minutes, and CP-SAT improves on it and proves how far from the best it can be.

Source: Perron and Furnon, OR-Tools CP-SAT. Needs `ortools` (extra `solve`).
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from host.errors import ConfigError
from host.solvers.compiling import COMPILED
from host.solvers.jobshop.population import best_order
from host.solvers.jobshop.shop import Schedule, Shop, best_dispatch, makespan, trivial_bound

# Small shops are proved by few searches that only propagate; linear relaxations and large neighbourhoods cost them time
# (orb01: 9 units of CP-SAT's deterministic time against more than 13 without an end). For large ones it is the other way
# round, and more workers than cores are worth it: the searches help each other more than they cost each other.
SMALL_OPERATIONS = 150
SMALL_WORKERS = 2
WORKERS = 8
TABU_SHARE = 0.4  # of the time, for large ones


@dataclass(frozen=True)
class Solved:
    """What was found.

    Attributes:
        bound: No schedule is shorter.
        optimal: The bound is met.
        out_of_time: The search was cut short.
    """

    schedule: Schedule
    makespan: int
    bound: int
    optimal: bool
    out_of_time: bool

    @property
    def gap(self) -> float:
        """(makespan - bound) / bound."""
        return (self.makespan - self.bound) / self.bound


def solve(shop: Shop, time_limit_s: float, *, seed: int = 0) -> Solved:
    """The best schedule found in the time; at least as good as what it began with.

    Raises:
        ConfigError: `ortools` is not installed.
    """
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise ConfigError("CP-SAT is not installed; pip install 'engine-ops[solve]'") from error
    began = time.monotonic()
    small = sum(map(len, shop.jobs)) <= SMALL_OPERATIONS
    _, hint = best_dispatch(shop)
    if COMPILED and not small:
        hint = best_order(shop, TABU_SHARE * time_limit_s, seed=seed)
    horizon = makespan(shop, hint)
    if horizon == trivial_bound(shop):
        return Solved(hint, horizon, horizon, True, False)
    model = cp_model.CpModel()
    starts = []
    machines: dict[int, list[Any]] = {}
    end = model.new_int_var(0, horizon, "end")
    for number, job in enumerate(shop.jobs):
        row: list[Any] = []
        for step, operation in enumerate(job):
            start = model.new_int_var(0, horizon, f"s{number}.{step}")
            interval = model.new_fixed_size_interval_var(start, operation.duration, f"i{number}.{step}")
            machines.setdefault(operation.machine, []).append(interval)
            if row:
                model.add(start >= row[-1] + job[step - 1].duration)
            model.add_hint(start, hint[number][step])
            row.append(start)
        model.add(end >= row[-1] + job[-1].duration)
        starts.append(row)
    # What follows the makespan is an interval on every machine: so each machine's own bound reaches the makespan.
    after = model.new_interval_var(end, model.new_int_var(1, horizon + 1, "rest"), horizon + 1, "after")
    for intervals in machines.values():
        model.add_no_overlap([*intervals, after])
    model.minimize(end)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(1.0, time_limit_s - (time.monotonic() - began))
    solver.parameters.num_workers = SMALL_WORKERS if small else WORKERS
    if small:
        solver.parameters.linearization_level = 0
    solver.parameters.use_strong_propagation_in_disjunctive = True
    solver.parameters.use_dynamic_precedence_in_disjunctive = True
    solver.parameters.random_seed = seed
    # Its own answer to Ctrl-C would leave the process without Python's when it is done.
    solver.parameters.catch_sigint_signal = False
    status = _interruptible(solver, model)
    bound = max(trivial_bound(shop), round(solver.best_objective_bound))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Solved(hint, horizon, min(bound, horizon), False, True)
    schedule = [[int(solver.value(start)) for start in row] for row in starts]
    length = makespan(shop, schedule)
    return Solved(schedule, length, bound, status == cp_model.OPTIMAL, status != cp_model.OPTIMAL)


def _interruptible(solver: Any, model: Any) -> Any:
    """Solves in a thread, since a thread that is inside the solver hears no Ctrl-C."""
    with ThreadPoolExecutor(1) as pool:
        solving = pool.submit(solver.solve, model)
        try:
            return solving.result()
        except BaseException:
            solver.stop_search()
            raise

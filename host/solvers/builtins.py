"""Which built-in solvers there are for which problem, by the names that answers show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host.solvers.one_task import least_loaded
from host.solvers.packing import best_fit_decreasing, first_fit_decreasing
from host.solvers.pods.solve import best_fit_pods, dot_product_pods, fgd_pods, gpu_packing_pods
from host.solvers.queue import easy, fcfs
from host.solvers.stop import Stop
from host.solvers.tuning import space_filling_local_search
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PlacementProblem,
    Problem,
    QueueProblem,
    TuningProblem,
)


@dataclass(frozen=True)
class BuiltIn:
    """A solver of one kind of problem.

    Fields:
        solve: `(problem, out_of_time) -> answer`; `None` when time ran out, which never happens to the
            first one of a kind.
    """

    name: str
    solve: Callable[[Any, Stop], Any]

    @property
    def by(self) -> str:
        """As answers name it."""
        return f"builtin:{self.name}"


BUILT_INS: dict[type, tuple[BuiltIn, ...]] = {
    PackingProblem: (
        BuiltIn("first-fit-decreasing", first_fit_decreasing),
        BuiltIn("best-fit-decreasing", best_fit_decreasing),
    ),
    OneTaskProblem: (BuiltIn("least-loaded", least_loaded),),
    PlacementProblem: (
        BuiltIn("fgd", fgd_pods),
        BuiltIn("best-fit", best_fit_pods),
        BuiltIn("gpu-packing", gpu_packing_pods),
        BuiltIn("dot-product", dot_product_pods),
    ),
    QueueProblem: (BuiltIn("easy", easy), BuiltIn("fcfs", fcfs)),
    TuningProblem: (BuiltIn("space-filling-local-search", space_filling_local_search),),
}


def built_ins(problem: Problem) -> tuple[BuiltIn, ...]:
    """Those for this kind of problem; the first is *the* built-in, which always answers. None for predictions."""
    return BUILT_INS.get(type(problem), ())

"""Which built-in solvers there are for which problem, by the names that answers show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from host.solvers.one_task import least_loaded
from host.solvers.packing import best_fit_decreasing, first_fit_decreasing
from host.solvers.pods.solve import best_fit_pods, dot_product_pods, fgd_pods, gpu_packing_pods
from host.solvers.queue import easy, fcfs, in_order_of
from host.solvers.queue_orders import ORDERS
from host.solvers.stop import Stop
from host.solvers.tuning import space_filling_local_search
from plugin_sdk.contract.decode import ProblemError
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
    QueueProblem: (
        BuiltIn("easy", easy),
        BuiltIn("fcfs", fcfs),
    ),
    TuningProblem: (BuiltIn("space-filling-local-search", space_filling_local_search),),
}
# Asked only where they are named: they may serve the mean and starve a few.
ONLY_NAMED: dict[type, tuple[BuiltIn, ...]] = {
    QueueProblem: tuple(BuiltIn(name, in_order_of(name)) for name in ORDERS)
}

CP_SAT = "cp-sat"  # the refiner: it starts from another's answer, and has a process of its own
REFINED = (PackingProblem, PlacementProblem)
EXTRA = frozenset({CP_SAT, *(each.name for kind in ONLY_NAMED.values() for each in kind)})


def built_ins(problem: Problem, extra: Collection[str] = ()) -> tuple[BuiltIn, ...]:
    """Those for this kind of problem; the first is *the* built-in, which always answers. None for predictions.

    Args:
        extra: The names of those that are asked only where they are named.
    """
    kind = type(problem)
    usual = BUILT_INS.get(kind, ())
    if not extra:
        return usual
    return (*usual, *(each for each in ONLY_NAMED.get(kind, ()) if each.name in extra))


def check_names(problem: Problem, names: Sequence[str], path: str) -> None:
    """Checks that each names a solver of this kind of problem.

    Raises:
        ProblemError: One does not; says which there are.
    """
    if not names:
        return
    kind = type(problem)
    known = [each.name for each in (*BUILT_INS.get(kind, ()), *ONLY_NAMED.get(kind, ()))]
    known += [CP_SAT] if isinstance(problem, REFINED) else []
    for index, name in enumerate(names):
        if name not in known:
            remedy = f"names out of {', '.join(known)}" if known else "none: this type has no built-in"
            raise ProblemError(f"{path}[{index}]", name, remedy)

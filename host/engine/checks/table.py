"""Which checks belong to which problem, behind one face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host.engine.checks import one_task, packing, placement, prediction, queue, tuning
from host.engine.checks.verdict import Assessment, Objective, Verdict
from host.solvers.stop import Stop
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PlacementProblem,
    PredictionProblem,
    Problem,
    QueueProblem,
    TuningProblem,
)


@dataclass(frozen=True)
class Checks:
    """The checks of one kind of problem.

    Fields:
        assess: `(problem, answer, out_of_time)`; may raise OutOfTimeError.
        bound: What no answer can beat; `None` for a kind without an objective.
        size: About how much work an answer is, in items; for choosing where to do it.
    """

    assess: Callable[[Any, Any, Stop], Assessment]
    bound: Callable[[Any], Objective] | None
    size: Callable[[Any], int]


def _at_once(
    verify: Callable[[Any, Any], Verdict], objective: Callable[[Any, Any], Objective] | None
) -> Callable[[Any, Any, Stop], Assessment]:
    """For problems whose checks take no time worth stopping."""

    def assess(problem: Any, answer: Any, out_of_time: Stop) -> Assessment:
        verdict = verify(problem, answer)
        return Assessment(verdict, objective(problem, answer) if verdict.ok and objective else None)

    return assess


CHECKS: dict[type, Checks] = {
    PackingProblem: Checks(
        _at_once(packing.verify, packing.objective),
        packing.bound,
        lambda problem: len(problem.items) + len(problem.nodes or ()),
    ),
    OneTaskProblem: Checks(
        _at_once(one_task.verify, one_task.objective), one_task.bound, lambda problem: len(problem.nodes) // 8
    ),
    PlacementProblem: Checks(
        _at_once(placement.verify, placement.objective),
        placement.bound,
        lambda problem: len(problem.pods) * len(problem.nodes) * len(problem.typical) // 10,
    ),
    QueueProblem: Checks(
        queue.assess, queue.bound, lambda problem: len(problem.jobs) + len(problem.running) // 8
    ),
    TuningProblem: Checks(
        _at_once(tuning.verify, None),
        None,
        lambda problem: problem.count * len(problem.parameters) + len(problem.observations) // 8,
    ),
    PredictionProblem: Checks(_at_once(prediction.verify, None), None, lambda problem: 0),
}


def checks_for(problem: Problem) -> Checks:
    """Those of this kind of problem."""
    return CHECKS[type(problem)]


def score(objective: Objective | None, bound: Objective | None) -> float:
    """Bound over objective, in [0, 1]: 1 when the bound is met, 0 when there is no objective.

    Objectives are compared member by member, so the first member in which the two differ is the one that
    matters: bound / objective of it, or 1 / (1 + objective) where the bound is 0 (2 items unplaced that might
    all have been placed: 1/3).
    """
    if objective is None or bound is None:
        return 0.0
    for reached, best in zip(objective, bound, strict=True):
        if reached > best:
            return best / reached if best > 0 else 1 / (1 + reached)
    return 1.0

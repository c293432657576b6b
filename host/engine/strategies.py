"""Who decides: which strategy a request gets, and which of the answers in hand wins under it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from host.engine.ask import Heard
from host.engine.checks.table import checks_for
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PlacementProblem,
    PredictionProblem,
    Problem,
    QueueProblem,
    TuningProblem,
)
from plugin_sdk.contract.problems.request import Strategy


class Chosen(msgspec.Struct, frozen=True):
    """The strategy that is used and, if it is not the one asked for, why."""

    strategy: Strategy
    reason: str | None = None


def choose(problem: Problem, wanted: Strategy | None) -> Chosen:
    """The strategy for a problem.

    `best` needs an objective, `ensemble` predictions or scores. By default each kind has what it can have: `best` where
    there is an objective, `ensemble` for predictions, `priority` for the rest. A wish that cannot be
    met gets that default instead, but `best` for predictions `priority`: it asks for one answer, not a blend.
    """
    has_objective = checks_for(problem).bound is not None
    if isinstance(problem, PredictionProblem):
        if wanted == "best":
            return Chosen(
                "priority", "strategy best needs an objective and predictions have none; priority is used"
            )
        return Chosen(wanted or "ensemble")
    default: Strategy = "best" if has_objective else "priority"
    if wanted == "best" and not has_objective:
        return Chosen(
            "priority", "strategy best needs an objective and this problem has none; priority is used"
        )
    if wanted == "ensemble" and not isinstance(problem, OneTaskProblem | QueueProblem):
        reason = f"strategy ensemble combines predictions, and scores of nodes or jobs; {default} is used"
        return Chosen(default, reason)
    return Chosen(wanted or default)


def best_of(built_in: Sequence[Heard], plugins: Sequence[Heard]) -> Heard | None:
    """The answer with the best objective; of equals a built-in, then the plugin of the highest priority.

    Where time ran out before the built-in's own objective was known, it wins: nothing is known to be better.
    """
    mine = [each for each in built_in if each.status == "answered"]
    if mine and all(each.objective is None for each in mine):
        return mine[0]
    best: Heard | None = None
    for each in [*mine, *plugins]:
        if each.status != "answered" or each.objective is None:
            continue
        if best is None or best.objective is None or each.objective < best.objective:
            best = each
    return best or next((each for each in plugins if each.status == "answered"), None)


def kind_of(problem: Problem) -> str:
    """The kind of decision, as accounts of who advised what name it."""
    return _KINDS[type(problem)]


_KINDS: dict[type, str] = {
    PackingProblem: "resource",
    OneTaskProblem: "one-task",
    PlacementProblem: "placement",
    QueueProblem: "queue",
    TuningProblem: "performance",
    PredictionProblem: "ml-driven",
}


def what_went_wrong(plugins: Sequence[Heard]) -> list[str]:
    """A sentence for each plugin that made the answer weaker than it might have been. Abstaining does not."""
    bad = ("late", "failed", "invalid")
    return [f"{each.by} {_WAS[each.status]}: {each.reason}" for each in plugins if each.status in bad]


_WAS = {"late": "was late", "failed": "failed", "invalid": "gave an invalid answer"}

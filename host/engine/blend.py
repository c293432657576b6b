"""Scores of several made one ranking, each normalised for the decision at hand; the built-in has its say and breaks ties.

Scores of two plugins have no common scale, nor has one plugin's from one decision to the next: so each list is
brought to [0, 1] for this decision, the best at 1, before it is weighed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from host.engine.learning.scorers import BUILT_IN, Support
from host.solvers.queue import in_order_of_arrival
from plugin_sdk.contract.problems import OneTaskProblem, QueueProblem

OWN_FLOOR = 0.2  # of all weight: the built-in's, whatever the plugins' are


def normalised(scores: Sequence[float]) -> list[float]:
    """The same ranking in [0, 1]: the best at 1, the worst at 0, all at 0.5 where all are equal."""
    low, high = min(scores), max(scores)
    # Halves, since the difference of two floats may be larger than a float can be.
    span = high / 2 - low / 2
    return [(each / 2 - low / 2) / span for each in scores] if span > 0 else [0.5] * len(scores)


def own_scores(problem: OneTaskProblem | QueueProblem) -> list[float]:
    """The built-in's view: little load after it is good, and so is to have come early."""
    if isinstance(problem, OneTaskProblem):
        task = problem.task
        after = [
            (node.cpu_load + task.cpu_required, node.memory_load + task.memory_required)
            for node in problem.nodes
        ]
        ranked = sorted(
            range(len(after)), key=lambda index: (max(after[index]) > 100.0, sum(after[index]), index)
        )
    else:
        place = {job.id: index for index, job in enumerate(problem.jobs)}
        ranked = [place[job.id] for job in in_order_of_arrival(problem)]
    scores = [0.0] * len(ranked)
    for position, index in enumerate(ranked):
        scores[index] = -float(position)
    return scores


def blended(
    problem: OneTaskProblem | QueueProblem, scored: Sequence[tuple[Sequence[float], float]]
) -> list[float]:
    """One score a candidate, all different: what the built-in likes better wins among equals.

    Args:
        scored: Each plugin's scores, and how much they count beside the built-in's, which count 1.
    """
    own = own_scores(problem)
    weights = [1.0, *(weight for _, weight in scored)]
    total = sum(weights)
    shares = [weight / total for weight in weights]
    if shares[0] < OWN_FLOOR:
        shares = [OWN_FLOOR, *(share * (1.0 - OWN_FLOOR) / (1.0 - shares[0]) for share in shares[1:])]
    lists = [normalised(own), *(normalised(scores) for scores, _ in scored)]
    sums = [
        sum(share * each[index] for share, each in zip(shares, lists, strict=True))
        for index in range(len(own))
    ]
    # Rounded, so that sums that are equal but for the order of adding are equal; then one rank apart by the built-in.
    ranked = sorted(range(len(own)), key=lambda index: (round(sums[index], 12), own[index]))
    final = [0.0] * len(own)
    for position, index in enumerate(ranked):
        final[index] = float(position)
    return final


def support(
    problem: OneTaskProblem | QueueProblem, scored: Mapping[str, Sequence[float]], chosen: Collection[str]
) -> dict[str, Support]:
    """How much each one's scores speak for each node or job that was chosen, by its id."""
    lists = {BUILT_IN: normalised(own_scores(problem))}
    lists |= {by: normalised(scores) for by, scores in scored.items()}
    ids = [each.id for each in (problem.nodes if isinstance(problem, OneTaskProblem) else problem.jobs)]
    return {
        name: {by: each[index] for by, each in lists.items()}
        for index, name in enumerate(ids)
        if name in chosen
    }

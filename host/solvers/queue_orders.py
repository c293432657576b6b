"""Orders of a queue, the first to start first: the rules that the literature compares with. Times in milliseconds.

Sources: SJF and SAF (shortest, smallest area first): Legrand, Trystram and Zrigui (2019), Adapting batch scheduling to
workload characteristics; WFP3: Tang, Lan, Desai and Buettner (2009), Fault-aware, utility-based job scheduling on Blue
Gene/P; F1: Carastan-Santos and de Camargo (2017), Obtaining dynamic scheduling policies with simulation and machine
learning, SC; EASY++'s order of backfilling: Tsafrir, Etsion and Feitelson (2007), Backfilling using system-generated
predictions rather than user runtime estimates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from plugin_sdk.contract.problems.queue import Job, QueueProblem

Order = Callable[[QueueProblem, Sequence[Job]], list[Job]]
"""`(problem, jobs as they came) -> jobs`; ties stay as they came."""


def shortest_first(problem: QueueProblem, jobs: Sequence[Job]) -> list[Job]:
    """By requested time."""
    return sorted(jobs, key=lambda job: job.requested_time)


def smallest_area_first(problem: QueueProblem, jobs: Sequence[Job]) -> list[Job]:
    """By processors x requested time."""
    return sorted(jobs, key=lambda job: job.procs * job.requested_time)


def wfp3(problem: QueueProblem, jobs: Sequence[Job]) -> list[Job]:
    """Those first that have waited long for their length and are wide: (wait / requested)^3 x processors."""

    def urgency(job: Job) -> float:
        return min((problem.now - job.submit) / max(job.requested_time, 1.0), 1e90) ** 3 * job.procs

    return sorted(jobs, key=lambda job: -urgency(job))


def f1(problem: QueueProblem, jobs: Sequence[Job]) -> list[Job]:
    """By log10(requested) x processors + 870 x log10(submit), in seconds, the earliest of the queue at 1 s."""
    first = min(job.submit for job in jobs)

    def score(job: Job) -> float:
        requested_s = max(job.requested_time / 1000.0, 1.0)
        since_first_s = (job.submit - first) / 1000.0 + 1.0
        return math.log10(requested_s) * job.procs + 870.0 * math.log10(since_first_s)

    return sorted(jobs, key=score)


def shortest_backfilled_first(problem: QueueProblem, jobs: Sequence[Job]) -> list[Job]:
    """As they came as long as they fit; behind the first that does not, by predicted (else requested) time."""
    free, turn = problem.free_procs, 0
    while turn < len(jobs) and jobs[turn].procs <= free:
        free -= jobs[turn].procs
        turn += 1
    behind = sorted(jobs[turn + 1 :], key=lambda job: job.expected_time)
    return [*jobs[: turn + 1], *behind]


ORDERS: Mapping[str, Order] = {
    "easy++": shortest_backfilled_first,
    "sjf": shortest_first,
    "saf": smallest_area_first,
    "wfp3": wfp3,
    "f1": f1,
}
"""By name; each is played with EASY backfilling."""

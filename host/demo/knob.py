"""Two knobs of a queue policy, and what a setting of them is worth: a real objective to tune.

The policy orders the queue by `requested_s * procs ** size_exponent - age_weight * waited_s`, smallest first,
and backfills behind a reservation for the head. Exponent 0 and weight 0 is shortest first; a large weight
is first come first served; between them lies what suits a machine and its users.

Source: the form follows Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with
simulation and machine learning" (SC'17); backfilling is EASY, Lifka (JSSPP 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from host.demo.cluster import Timeline, mean_bounded_slowdown
from host.demo.shadow import play_out
from host.traces.job import TraceJob
from plugin_sdk.contract.problems.queue import Job, QueueAnswer, QueueProblem

TUNED_JOBS = 400  # an evaluation then takes some 10 ms
PARAMETERS: list[dict[str, Any]] = [
    {"name": "ageWeight", "kind": "float", "low": 0.01, "high": 10_000.0, "log": True},
    {"name": "sizeExponent", "kind": "float", "low": -1.0, "high": 2.0},
]
DEFAULT = {"ageWeight": 1000.0, "sizeExponent": 0.0}  # close to first come first served


@dataclass(frozen=True)
class QueuePolicy:
    """One setting of the knobs."""

    age_weight: float
    size_exponent: float

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> QueuePolicy:
        return cls(float(params["ageWeight"]), float(params["sizeExponent"]))

    def decide(self, problem: QueueProblem) -> QueueAnswer:
        """What starts now: the queue in order while it fits, then whatever does not delay the first that waits."""
        ordered = sorted(problem.jobs, key=lambda job: (self._key(job, problem.now), job.submit))
        free = problem.free_procs
        started: list[str] = []
        ends = [(job.ends_by(problem.now), job.procs) for job in problem.running]
        place = 0
        while place < len(ordered) and ordered[place].procs <= free:
            job = ordered[place]
            free -= job.procs
            started.append(job.id)
            ends.append((problem.now + job.requested_time, job.procs))
            place += 1
        if place < len(ordered):
            shadow_ms, spare = _reservation(ordered[place].procs, free, ends)
            for job in ordered[place + 1 :]:
                if job.procs > free:
                    continue
                if problem.now + job.requested_time > shadow_ms:
                    if job.procs > spare:
                        continue
                    spare -= job.procs
                free -= job.procs
                started.append(job.id)
        return QueueAnswer(start=started, order=[job.id for job in ordered])

    def _key(self, job: Job, now_ms: float) -> float:
        waited_s = (now_ms - job.submit) / 1000.0
        return float(job.requested_time / 1000.0 * job.procs**self.size_exponent - self.age_weight * waited_s)


def _reservation(procs: int, free: int, ends: list[tuple[float, int]]) -> tuple[float, int]:
    """When so many processors are free at the latest, and how many of them are spare then."""
    for end, freed in sorted(ends):
        free += freed
        if free >= procs:
            return end, free - procs
    raise ValueError(f"a job of {procs} processors never fits")


def worth(params: Mapping[str, Any], jobs: Sequence[TraceJob], procs: int) -> float:
    """Mean bounded slowdown of these jobs under this setting; lower is better."""
    timeline = Timeline(jobs, procs)
    play_out(timeline, QueuePolicy.of(params).decide)
    return mean_bounded_slowdown(timeline.done)

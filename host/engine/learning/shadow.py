"""What the built-in would have made of a queue: EASY played over jobs whose run times are known by now.

Source: Lifka (1995), The ANL/IBM SP scheduling system; the decisions are host/solvers/projection.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from host.engine.checks.queue import SLOWDOWN_FLOOR_MS
from host.solvers.projection import Machine, Promises, start_easy
from plugin_sdk.contract.problems.queue import Cluster, Job, QueueProblem


@dataclass(frozen=True)
class Finished:
    """A job that has ended: as it was asked for, when it started, and how long it ran, in ms."""

    job: Job
    started: float
    ran: float

    @property
    def slowdown(self) -> float:
        """Its bounded slowdown as it happened."""
        return bounded_slowdown(self.started - self.job.submit, self.ran)


def bounded_slowdown(wait: float, ran: float) -> float:
    """max(1, (wait + run) / max(run, 10 s)); times in ms."""
    return max(1.0, (wait + ran) / max(ran, SLOWDOWN_FLOOR_MS))


def easy_slowdowns(jobs: Sequence[Finished], procs: int, before: Iterable[Finished] = ()) -> dict[str, float]:
    """The bounded slowdown of each job, by id, if EASY had decided about these jobs alone.

    Args:
        before: Jobs that were running already and keep their processors until they ended; planning counts them
            by their requested times, like all.
    """
    waiting: list[Job] = []
    starts: dict[str, float] = {}
    ends: list[tuple[float, int, str]] = []
    planned: dict[str, tuple[float, int]] = {}
    machine = Machine(procs, [])
    of = {each.job.id: each for each in jobs}
    no_promises = Promises(QueueProblem([], [], Cluster(procs), 0.0, []))

    def run(job: Job, at: float, length: float) -> None:
        planned[job.id] = (at + job.requested_time, job.procs)
        heappush(ends, (at + min(length, job.requested_time), job.procs, job.id))

    for each in before:
        if each.job.procs <= machine.free:
            machine.run(each.job, each.started)
            run(each.job, each.started, each.ran)
    arrivals = sorted((each.job for each in jobs), key=lambda job: job.submit, reverse=True)
    while arrivals or waiting:
        if not arrivals and not ends:
            break  # what waits is wider than the machine
        at = min(arrivals[-1].submit if arrivals else float("inf"), ends[0][0] if ends else float("inf"))
        while ends and ends[0][0] <= at:
            _, released, name = heappop(ends)
            machine.free += released
            machine.ends.remove(planned.pop(name))
        while arrivals and arrivals[-1].submit <= at:
            waiting.append(arrivals.pop())
        known = set(starts)
        waiting = start_easy(machine, waiting, at, no_promises, starts)
        for name in starts.keys() - known:
            run(of[name].job, at, of[name].ran)
    return {
        each.job.id: bounded_slowdown(starts[each.job.id] - each.job.submit, each.ran)
        for each in jobs
        if each.job.id in starts
    }

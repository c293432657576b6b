"""A queue: what starts now fits now, the order has every job once, and no promise that was shown is broken.

The jobs in `start` start now and no others do; the rest follow in the answer's order with EASY backfilling
from the next end of a job on (host/solvers/projection.py says how).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from host.engine.checks.verdict import OK, Assessment, Objective, Verdict
from host.solvers.projection import Machine, Promises, project
from host.solvers.stop import OutOfTimeError, Stop, never
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.queue import Job, QueueAnswer, QueueProblem

SLOWDOWN_FLOOR_MS = 10_000.0  # shorter runs count as this long; the usual bound of the literature, 10 s


def assess(problem: QueueProblem, answer: QueueAnswer, out_of_time: Stop = never) -> Assessment:
    """The verdict and the objective from one projection.

    Raises:
        OutOfTimeError: Before it was known whether a promise is kept.
    """
    broken = _cannot_start(problem, answer)
    if broken:
        return Assessment(Verdict(broken))
    promises = Promises(problem)
    try:
        starts = project(problem, answer.order, answer.start, promises, out_of_time)
    except OutOfTimeError:
        if promises.holders:
            raise
        return Assessment(OK)
    late = promises.first_broken(starts)
    if late is not None:
        when = f"{starts[late]:g} but was promised {promises.due[late]:g} at the latest"
        return Assessment(Verdict(f"job {show(late)} would start at {when}"))
    return Assessment(OK, (mean_bounded_slowdown(problem, starts),))


def verify(problem: QueueProblem, answer: QueueAnswer) -> Verdict:
    """Whether the answer can be carried out and keeps the promises."""
    return assess(problem, answer).verdict


def objective(problem: QueueProblem, answer: QueueAnswer) -> Objective:
    """(projected mean bounded slowdown,) of an answer that `verify` passed or that breaks a promise."""
    return (mean_bounded_slowdown(problem, project(problem, answer.order, answer.start)),)


def bound(problem: QueueProblem) -> Objective:
    """Each job as if it were alone behind those that run."""
    machine = Machine.at_now(problem)
    by_procs = {procs: machine.shadow(procs, problem.now)[0] for procs in {job.procs for job in problem.jobs}}
    return (mean_bounded_slowdown(problem, {job.id: by_procs[job.procs] for job in problem.jobs}),)


def mean_bounded_slowdown(problem: QueueProblem, starts: Mapping[str, float]) -> float:
    """Mean of max(1, (wait + run) / max(run, 10 s)), a run being as long as was requested; >= 1, no unit.

    Source: Feitelson, Rudolph, Schwiegelshohn, Sevcik and Wong (1997), Theory and practice in parallel job
    scheduling, section 3.
    """

    def slowdown(job: Job) -> float:
        wait, run = starts[job.id] - job.submit, job.requested_time
        return max(1.0, (wait + run) / max(run, SLOWDOWN_FLOOR_MS))

    # A sum beyond the largest float would not be a number on the wire.
    return min(sum(slowdown(job) for job in problem.jobs) / len(problem.jobs), sys.float_info.max)


def first_waiting(problem: QueueProblem, answer: QueueAnswer) -> tuple[str, float] | None:
    """The first job in order that does not start now, and when it will; `None` when all start now."""
    machine, jobs, started = Machine.at_now(problem), {job.id: job for job in problem.jobs}, set(answer.start)
    for name in answer.start:
        machine.run(jobs[name], problem.now)
    head = next((jobs[name] for name in answer.order if name not in started), None)
    # If it would fit at once, it was left out on purpose and has its turn at the next end of a job.
    after = (
        problem.now if head is None or head.procs > machine.free or not machine.ends else machine.ends[0][0]
    )
    return None if head is None else (head.id, machine.shadow(head.procs, after)[0])


def _cannot_start(problem: QueueProblem, answer: QueueAnswer) -> str | None:
    jobs = {job.id: job for job in problem.jobs}
    for where, names in (("start", answer.start), ("order", answer.order)):
        seen: set[str] = set()
        for name in names:
            if name not in jobs:
                return f"{where} has job {show(name)}, which does not wait in the request"
            if name in seen:
                return f"job {show(name)} stands twice in {where}"
            seen.add(name)
    if len(answer.order) < len(jobs):
        ordered = set(answer.order)
        return f"order lacks job {show(next(name for name in jobs if name not in ordered))}"
    asked = sum(jobs[name].procs for name in answer.start)
    if asked > problem.free_procs:
        return f"the jobs in start need {asked} processors but {problem.free_procs} are free"
    if not answer.start and not problem.running:
        return "nothing runs and start is empty, so the queue would stand still"
    return None

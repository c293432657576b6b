"""Windows of a log, each scheduled by repeatedly picking one job of the queue, as learned schedulers are compared.

The picked job is committed: nothing else is picked until it starts. Without backfilling time just passes until it
fits; with it, waiting jobs in order of arrival start meanwhile if they end before the picked job is expected to start.

Source: Zhang, Dai, He, Bao, Xie (2020), RLScheduler: an automated HPC batch job scheduler using reinforcement learning,
SC. Its WFP3 and UNICEP compute waits from a start time that is still -1; those are here as `rlscheduler-*`, and the
correct ones beside them. Orders: WFP3 and UNICEP: Tang, Lan, Desai, Buettner (2009), Fault-aware, utility-based job
scheduling on Blue Gene/P; F1: Carastan-Santos, de Camargo (2017), Obtaining dynamic scheduling policies with simulation
and machine learning, SC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

BOUND_S = 10.0


@dataclass(frozen=True)
class WindowJob:
    """A job in seconds."""

    submit: float
    run: float
    procs: int
    requested: float


@dataclass(frozen=True)
class Pick:
    """Which of `queue`, indices into the window, goes next at `now`? Answered with a place in `queue`.

    Attributes:
        start: Of every job, -1 before it; goes on changing.
    """

    queue: list[int]
    now: float
    free: int
    start: Sequence[float]


def play_window(jobs: Sequence[WindowJob], procs: int, backfill: bool) -> Generator[Pick, int, list[float]]:
    """Asks which job goes next until all have started.

    Returns:
        The start of each job.
    """
    start = [-1.0] * len(jobs)
    queue = [0]
    arrived = 1
    now = jobs[0].submit
    free = procs
    running: list[tuple[float, float, int]] = []  # end, expected end, processors; in order of start

    def begin(job: int) -> None:
        nonlocal free
        start[job] = now
        free -= jobs[job].procs
        running.append((now + jobs[job].run, now + jobs[job].requested, jobs[job].procs))
        queue.remove(job)

    def step() -> None:
        """To the next submission or end, whichever is first; submissions win ties."""
        nonlocal now, free, arrived
        running.sort(key=lambda each: each[0])
        ends = running[0][0] if running else math.inf
        if arrived < len(jobs) and jobs[arrived].submit <= ends:
            now = max(now, jobs[arrived].submit)
            queue.append(arrived)
            arrived += 1
        else:
            now = max(now, ends)
            free += running.pop(0)[2]

    while True:
        job = queue[(yield Pick(queue, now, free, start))]
        if jobs[job].procs > free and backfill:
            expected = _expected_start(running, free, jobs[job].procs, now)
            while jobs[job].procs > free:
                for other in sorted(queue, key=lambda each: jobs[each].submit):
                    if jobs[other].procs <= free and now + jobs[other].requested < expected:
                        begin(other)
                step()
        while jobs[job].procs > free:
            step()
        begin(job)
        while not queue:
            if arrived >= len(jobs):
                return start
            step()


def _expected_start(running: Sequence[tuple[float, float, int]], free: int, needed: int, now: float) -> float:
    expected = now
    for _, end, procs in sorted(running, key=lambda each: each[1]):
        free += procs
        expected = end
        if free >= needed:
            break
    return expected


def mean_bounded_slowdown(jobs: Sequence[WindowJob], start: Sequence[float]) -> float:
    """Of all jobs of a window."""
    slowdowns = [
        max(1.0, (at - job.submit + job.run) / max(job.run, BOUND_S))
        for job, at in zip(jobs, start, strict=True)
    ]
    return sum(slowdowns) / len(slowdowns)


Key = Callable[[WindowJob, float], float | tuple[float, float]]


def _log10(value: float) -> float:
    return math.log10(value if value > 0 else 0.1)


def _wfp3(job: WindowJob, wait: float) -> float:
    return -((wait / job.requested) ** 3) * job.procs


def _unicep(job: WindowJob, wait: float) -> float:
    return -(wait + 1e-15) / (math.log2(job.procs + 1e-15) * job.requested)


ORDERS: Mapping[str, Key] = {
    "fcfs": lambda job, now: job.submit,
    "sjf": lambda job, now: (job.requested, job.submit),
    "f1": lambda job, now: _log10(job.requested) * job.procs + 870 * _log10(job.submit),
    "saf": lambda job, now: (job.requested * job.procs, job.submit),
    "wfp3": lambda job, now: _wfp3(job, now - job.submit),
    "unicep": lambda job, now: _unicep(job, now - job.submit),
    # The published defect: a start time of -1 in place of now.
    "rlscheduler-wfp3": lambda job, now: _wfp3(job, -1.0 - job.submit),
    "rlscheduler-unicep": lambda job, now: _unicep(job, -1.0 - job.submit),
}
"""By name: the smallest goes first, at a given time; of equals the one that was first before."""


def play_in_order(jobs: Sequence[WindowJob], procs: int, backfill: bool, order: Key) -> list[float]:
    """A window under one of `ORDERS`: the start of each job."""
    play = play_window(jobs, procs, backfill)
    pick = next(play)
    while True:
        # The queue is sorted in place: where keys are equal, the order of the last sort stands.
        now = pick.now
        pick.queue.sort(key=lambda each: order(jobs[each], now))
        try:
            pick = play.send(0)
        except StopIteration as finished:
            starts: list[float] = finished.value
            return starts

"""The replayed machine: which jobs wait, run and are done, at a virtual time in milliseconds. Pure state."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from host.traces.job import TraceJob
from plugin_sdk.contract.problems.queue import Cluster, Job, QueueProblem, RunningJob

SLOWDOWN_FLOOR_MS = 10_000.0  # so that jobs of a second or two do not rule the mean
QUEUE_WINDOW = 200  # waiting jobs that are sent with a question, first come first: bounds a request's size


@dataclass(frozen=True)
class Started:
    """A job that runs or ran; times in milliseconds.

    Fields:
        request_id: Of the decision that started it; `None` when no request did.
    """

    job: TraceJob
    start_ms: float
    request_id: str | None

    @property
    def end_ms(self) -> float:
        """When it ends: with its run time, or killed with its requested time."""
        return self.start_ms + self.job.held_s * 1000.0

    @property
    def bounded_slowdown(self) -> float:
        """How many times as long as it ran it was in the system; at least 1. Source: Feitelson et al. (1997)."""
        run_ms = self.job.held_s * 1000.0
        in_system_ms = self.end_ms - self.job.submit_s * 1000.0
        return max(1.0, in_system_ms / max(run_ms, SLOWDOWN_FLOOR_MS))


@dataclass(frozen=True)
class Moment:
    """An instant at which jobs came or ended."""

    now_ms: float
    arrived: Sequence[TraceJob]
    ended: Sequence[Started]


class Timeline:
    """Plays jobs against a machine; whoever drives it decides what starts.

    Args:
        jobs: By submit time; ids all different.
        procs: No job needs more.
    """

    def __init__(self, jobs: Sequence[TraceJob], procs: int) -> None:
        self.procs = procs
        self.free = procs
        self.now_ms = 0.0
        self.waiting: dict[str, TraceJob] = {}
        self.running: dict[str, Started] = {}
        self.done: list[Started] = []
        self._jobs = jobs
        self._next = 0
        self._ends: list[tuple[float, str]] = []

    @property
    def admitted(self) -> int:
        """Jobs that have come so far."""
        return self._next

    @property
    def needs_decision(self) -> bool:
        """Whether some waiting job fits the free processors."""
        return any(job.procs <= self.free for job in self.waiting.values())

    @property
    def is_stuck(self) -> bool:
        """Jobs wait, but nothing that happens by itself will ever start one."""
        return bool(self.waiting) and not self.running and self._next >= len(self._jobs)

    def advance(self) -> Moment | None:
        """Goes to the next instant with arrivals or ends; `None` when there is none."""
        times = [self._ends[0][0]] if self._ends else []
        if self._next < len(self._jobs):
            times.append(self._jobs[self._next].submit_s * 1000.0)
        if not times:
            return None
        self.now_ms = max(self.now_ms, min(times))
        return Moment(self.now_ms, ended=self._end_due(), arrived=self._admit_due())

    def start(self, ids: Iterable[str], request_id: str | None = None) -> None:
        """Starts waiting jobs now.

        Raises:
            ValueError: One does not wait, or does not fit; the answer that said so was not feasible.
        """
        for ident in ids:
            job = self.waiting.get(ident)
            if job is None:
                raise ValueError(f"job {ident} was to start but does not wait")
            if job.procs > self.free:
                raise ValueError(f"job {ident} was to start on {job.procs} processors with {self.free} free")
            del self.waiting[ident]
            self.free -= job.procs
            started = Started(job, self.now_ms, request_id)
            self.running[ident] = started
            heapq.heappush(self._ends, (started.end_ms, ident))

    def close(self) -> None:
        """No more jobs come."""
        self._jobs = self._jobs[: self._next]

    def problem(self) -> QueueProblem:
        """The decision to take now, over the first `QUEUE_WINDOW` waiting jobs."""
        waiting = list(self.waiting.values())[:QUEUE_WINDOW]
        return QueueProblem(
            jobs=[
                Job(job.id, job.submit_s * 1000.0, job.procs, job.requested_s * 1000.0, job.user)
                for job in waiting
            ],
            running=[
                RunningJob(each.job.id, each.job.procs, each.start_ms, each.job.requested_s * 1000.0)
                for each in self.running.values()
            ],
            cluster=Cluster(self.procs),
            now=self.now_ms,
            reservations=[],
        )

    def _end_due(self) -> list[Started]:
        ended = []
        while self._ends and self._ends[0][0] <= self.now_ms:
            _, ident = heapq.heappop(self._ends)
            started = self.running.pop(ident)
            self.free += started.job.procs
            ended.append(started)
        self.done.extend(ended)
        return ended

    def _admit_due(self) -> list[TraceJob]:
        arrived = []
        while self._next < len(self._jobs) and self._jobs[self._next].submit_s * 1000.0 <= self.now_ms:
            job = self._jobs[self._next]
            self._next += 1
            self.waiting[job.id] = job
            arrived.append(job)
        return arrived


def mean_bounded_slowdown(done: Sequence[Started]) -> float:
    """Over finished jobs; 1.0 of none. Lower is better."""
    return sum(each.bounded_slowdown for each in done) / len(done) if done else 1.0

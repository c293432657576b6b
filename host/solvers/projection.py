"""Plays the order of a queue forward with EASY backfilling on requested times: when would each job start?

Theory of operation. Decisions fall at `now` and at each end of a job thereafter (every job runs for all of its
requested time). At each, jobs start in order while they fit; the first that does not is promised the earliest
time it can have (its *shadow time*), and later ones go ahead of it if they do not move that.

A request may also carry promises made before. The jobs that hold one are protected from jobs that go ahead of
their turn: one may do so only if afterwards the holders alone, played in the order of their promises, would
still start in time. So an order that begins with the holders keeps every promise that can be kept. One that
cannot be kept any more, whatever is done, counts as moved to the earliest time it can be kept.

Source: Lifka (1995), The ANL/IBM SP scheduling system; Mu'alem and Feitelson (2001), Utilization,
predictability, workloads, and user runtime estimates in scheduling the IBM SP2 with backfilling.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from host.solvers.stop import OutOfTimeError, Stop, never
from plugin_sdk.contract.problems.queue import Job, QueueProblem

TIME_SLACK_MS = (
    0.01  # doubles near today's epoch milliseconds lie 0.0002 apart; sums of a few stay below this
)


@dataclass
class Machine:
    """Equal processors at one instant: how many are idle, and when the others become so.

    Fields:
        free: Idle now.
        ends: (end in ms, processors) of each running job, earliest first.
    """

    free: int
    ends: list[tuple[float, int]]

    @classmethod
    def at_now(cls, problem: QueueProblem) -> Machine:
        """As the problem shows it."""
        return cls(
            problem.free_procs, sorted((job.ends_by(problem.now), job.procs) for job in problem.running)
        )

    def copy(self) -> Machine:
        """One that can be played with."""
        return Machine(self.free, list(self.ends))

    def run(self, job: Job, at: float) -> None:
        """Starts *job*, which fits."""
        self.free -= job.procs
        insort(self.ends, (at + job.requested_time, job.procs))

    def release(self) -> float:
        """Ends what ends next; the time of it in ms. Something must be running."""
        at = self.ends[0][0]
        done = 0
        while done < len(self.ends) and self.ends[done][0] <= at:
            self.free += self.ends[done][1]
            done += 1
        del self.ends[:done]
        return at

    def shadow(self, procs: int, at: float) -> tuple[float, int]:
        """The earliest time, not before *at*, with *procs* idle if nothing else starts; how many more are idle then."""
        free = self.free
        if free >= procs:
            return at, free - procs
        shadow = at
        for end, released in self.ends:
            if free >= procs and end > shadow:
                break
            free += released
            shadow = end
        return shadow, free - procs


class Promises:
    """The promises a problem shows, each with the time it can still be kept by.

    Attributes:
        due: Latest start in ms, by job id.
        holders: The jobs that hold one, the earliest promise first.
    """

    def __init__(self, problem: QueueProblem) -> None:
        promised: dict[str, float] = {}
        for each in problem.reservations:
            promised[each.job] = min(each.start, promised.get(each.job, each.start))
        self.holders = sorted(
            (job for job in problem.jobs if job.id in promised), key=lambda job: promised[job.id]
        )
        alone = _alone(Machine.at_now(problem), problem.now, self.holders) if promised else {}
        self.due = {name: max(start, alone[name]) for name, start in promised.items()}

    def first_broken(self, starts: dict[str, float]) -> str | None:
        """The id of a job that would start later than it was promised; `None` when all are kept."""
        return next((name for name, due in self.due.items() if starts[name] > due + TIME_SLACK_MS), None)

    def allow(self, machine: Machine, at: float, job: Job, started: Iterable[str]) -> bool:
        """Whether *job* may start at *at*, ahead of its turn, when *started* have started already."""
        gone = {*started, job.id}
        waiting = [each for each in self.holders if each.id not in gone]
        if not waiting:
            return True
        machine = machine.copy()
        machine.run(job, at)
        starts = _alone(machine, at, waiting)
        return all(start <= self.due[name] + TIME_SLACK_MS for name, start in starts.items())


def _alone(machine: Machine, at: float, jobs: Sequence[Job]) -> dict[str, float]:
    """Starts by job id when *jobs* run strictly in order and nothing else does. Uses the machine up."""
    starts = {}
    for job in jobs:
        while machine.free < job.procs:
            at = machine.release()
        machine.run(job, at)
        starts[job.id] = at
    return starts


def start_easy(
    machine: Machine, pending: Sequence[Job], at: float, promises: Promises, starts: dict[str, float]
) -> list[Job]:
    """One decision: starts what may start at *at*, on *machine* and in *starts*.

    Returns:
        The jobs that go on waiting, in order.
    """
    turn = start_in_turn(machine, pending, at, starts)
    if turn == len(pending):
        return []
    head = pending[turn]
    shadow, extra = machine.shadow(head.procs, at)
    waiting = [head]
    for position, job in enumerate(islice(pending, turn + 1, None), start=turn + 1):
        if not machine.free:
            waiting.extend(pending[position:])
            break
        in_time = at + job.requested_time <= shadow
        if (
            job.procs <= machine.free
            and (in_time or job.procs <= extra)
            and (not promises.holders or promises.allow(machine, at, job, starts))
        ):
            machine.run(job, at)
            starts[job.id] = at
            if not in_time:
                extra -= job.procs
        else:
            waiting.append(job)
    return waiting


def start_in_turn(machine: Machine, pending: Sequence[Job], at: float, starts: dict[str, float]) -> int:
    """Starts the jobs at the head of *pending* as far as they fit; how many those are."""
    turn = 0
    while turn < len(pending) and pending[turn].procs <= machine.free:
        machine.run(pending[turn], at)
        starts[pending[turn].id] = at
        turn += 1
    return turn


def project(
    problem: QueueProblem,
    order: Sequence[str],
    start: Sequence[str] | None = None,
    promises: Promises | None = None,
    out_of_time: Stop = never,
) -> dict[str, float]:
    """When each job would start.

    Args:
        order: The ids of all jobs, first to start first.
        start: The ids of those that start now, and no others do; they must fit, and if there are none then
            something must be running. `None` lets EASY backfilling decide about now too.
        promises: `Promises(problem)`, when it is at hand.
        out_of_time: Asked at each decision.

    Returns:
        Start in ms by job id.

    Raises:
        OutOfTimeError: *out_of_time* said so. The work is about jobs x ends of jobs.
    """
    jobs = {job.id: job for job in problem.jobs}
    machine = Machine.at_now(problem)
    promises = promises or Promises(problem)
    starts: dict[str, float] = {}
    if start is None:
        pending = start_easy(machine, [jobs[name] for name in order], problem.now, promises, starts)
    else:
        for name in start:
            machine.run(jobs[name], problem.now)
            starts[name] = problem.now
        pending = [jobs[name] for name in order if name not in starts]
    while pending:
        if out_of_time():
            raise OutOfTimeError
        pending = start_easy(machine, pending, machine.release(), promises, starts)
    return starts

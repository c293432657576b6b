"""Scheduling of a queue of parallel jobs on a cluster of equal processors. All times in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.amounts import (
    all_different,
    amount,
    converted,
    listed,
    member,
    only_constraints,
)

Time = Annotated[float, msgspec.Meta(ge=0)]
Procs = Annotated[int, msgspec.Meta(ge=1)]


class Job(msgspec.Struct, rename="camel", frozen=True):
    """A job that waits.

    Fields:
        submit: When it came, on the clock of `now`.
        procs: Processors it needs, all at once.
        requested_time: How long it may run; it is killed after that.
        predicted_time: How long somebody thinks it will run, if he said so; it orders, and promises nothing.
    """

    id: str
    submit: Time
    procs: Procs
    requested_time: Time
    user: str | int | None = None
    predicted_time: Time | None = None

    @property
    def expected_time(self) -> float:
        """How long it is thought to run: as predicted, if it was, and never longer than it may."""
        return (
            self.requested_time
            if self.predicted_time is None
            else min(self.predicted_time, self.requested_time)
        )


class RunningJob(msgspec.Struct, rename="camel", frozen=True):
    """A job that runs, since `start`, for at most `requested_time`."""

    id: str
    procs: Procs
    start: Time
    requested_time: Time

    def ends_by(self, now: float) -> float:
        """When its processors are free at the latest; never before *now*."""
        return max(now, self.start + self.requested_time)


class Cluster(msgspec.Struct, rename="camel", frozen=True):
    """How many processors there are."""

    procs: Procs


class Reservation(msgspec.Struct, rename="camel", frozen=True):
    """A start that a job has been promised, at the latest."""

    job: str
    start: Time


class QueueProblem(msgspec.Struct, frozen=True):
    """Say which jobs start now and in which order the others follow.

    Fields:
        reservations: Promises shown to the asked; an answer that breaks one is infeasible.
    """

    jobs: list[Job]
    running: list[RunningJob]
    cluster: Cluster
    now: float
    reservations: list[Reservation]

    @property
    def free_procs(self) -> int:
        """Processors that are idle now."""
        return self.cluster.procs - sum(job.procs for job in self.running)


class QueueAnswer(msgspec.Struct):
    """The whole order of the queue, first to start first, and which of its jobs start at once."""

    start: list[str]
    order: list[str]
    reservations: list[Reservation] = []


def parse_queue(data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None) -> QueueProblem:
    """The problem in `data`.

    Raises:
        ProblemError: Something in it cannot be used.
    """
    only_constraints(constraints, [], "scheduling a queue")
    cluster = converted(
        member(data, "cluster", "data", 'an object such as {"procs": 128}'), Cluster, "data.cluster"
    )
    now = amount(member(data, "now", "data", "the time of the decision in milliseconds"), "data.now")
    sent = listed(member(data, "jobs", "data", "a list of at least one job"), "data.jobs")
    jobs = converted(sent, list[Job], "data.jobs")
    running = converted(data.get("running") or [], list[RunningJob], "data.running")
    reservations = converted(data.get("reservations") or [], list[Reservation], "data.reservations")
    all_different([job.id for job in jobs] + [job.id for job in running], "data.jobs")
    for index, job in enumerate(jobs):
        if job.procs > cluster.procs:
            raise ProblemError(
                f"data.jobs[{index}].procs", job.procs, f"at most the cluster's {cluster.procs}"
            )
        if job.submit > now:
            raise ProblemError(f"data.jobs[{index}].submit", job.submit, f"a time no later than now, {now:g}")
    taken = sum(job.procs for job in running)
    if taken > cluster.procs:
        raise ProblemError(
            "data.running", taken, f"running jobs of at most {cluster.procs} processors in all"
        )
    ids = {job.id for job in jobs}
    for index, promise in enumerate(reservations):
        if promise.job not in ids:
            raise ProblemError(f"data.reservations[{index}].job", promise.job, "the id of a job in data.jobs")
    return QueueProblem(jobs, running, cluster, now, reservations)

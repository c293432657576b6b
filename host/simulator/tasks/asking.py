"""Questions about jobs, as production asks them; times in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from host.simulator.play import Ask
from host.traces.job import TraceJob
from plugin_sdk.contract.workload import WorkloadDataPoint

MS = 1000.0


class _QueuedJob(msgspec.Struct, rename="camel"):
    id: str
    submit: float
    procs: int
    requested_time: float
    user: str


class _Known(msgspec.Struct, rename="camel"):
    type: str
    user: str
    procs: int
    requested_time: float
    submit_hour: float
    submit: float


class JobText:
    """The jobs of a log as JSON, each encoded once however often it waits in a queue that is asked about."""

    def __init__(self, jobs: Sequence[TraceJob]) -> None:
        self._jobs = jobs
        self._encoded: dict[int, bytes] = {}

    def of(self, job: int) -> bytes:
        """A candidate of a queue."""
        found = self._encoded.get(job)
        if found is None:
            each = self._jobs[job]
            found = self._encoded[job] = msgspec.json.encode(
                _QueuedJob(each.id, each.submit_s * MS, each.procs, each.requested_s * MS, each.user)
            )
        return found

    def forget(self, job: int) -> None:
        """It has started and is asked about no more."""
        self._encoded.pop(job, None)


def queue_question(text: JobText, queue: Sequence[int], now_s: float, procs: int, free: int) -> Ask:
    """`score`: which of these goes first?"""
    candidates = b",".join([text.of(job) for job in queue])
    head = (
        b'{"type":"scheduling","task":{"kind":"queue","now":%s,"cluster":{"procs":%d},"free":%d},"candidates":['
        % (
            msgspec.json.encode(now_s * MS),
            procs,
            free,
        )
    )
    return Ask("score", head + candidates + b"]}", len(queue))


def run_time_question(job: TraceJob) -> Ask:
    """`predict`: how long will it run, in milliseconds, from what is known when it comes?"""
    known = _Known(
        "scheduling",
        job.user,
        job.procs,
        job.requested_s * MS,
        job.submit_s / 3600.0 % 24.0,
        job.submit_s * MS,
    )
    return Ask("predict", msgspec.json.encode({"input": known}))


def outcome(job: TraceJob, start_s: float) -> WorkloadDataPoint:
    """The point of history of a job that has ended."""
    return WorkloadDataPoint(
        timestamp=start_s * MS,
        request_type="scheduling",
        resource_usage={"procs": float(job.procs), "cpuSeconds": job.run_s * job.procs},
        duration=job.run_s * MS,
        success=True,
        metadata={"jobId": job.id, "waitMs": (start_s - job.submit_s) * MS},
        features={
            "user": job.user,
            "procs": job.procs,
            "requestedTime": job.requested_s * MS,
            "submitHour": job.submit_s / 3600.0 % 24.0,
            "submit": job.submit_s * MS,
        },
    )


def learned(ended: Sequence[tuple[TraceJob, float]]) -> Ask:
    """`learn`: jobs that have ended, with their starts, in the order in which they ended."""
    points = [outcome(job, start) for job, start in ended]
    return Ask("learn", msgspec.json.encode({"points": points, "reset": False}))


def training(points: Sequence[WorkloadDataPoint]) -> Ask:
    """`train`: all that is known, oldest first."""
    return Ask("train", msgspec.json.encode({"points": points}))

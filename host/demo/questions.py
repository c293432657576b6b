"""What is asked of the host, built from the replay's state: requests and outcomes, as they go on the wire."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from host.demo.cluster import Started
from host.traces.job import TraceJob
from plugin_sdk.contract.problems.queue import QueueProblem
from plugin_sdk.contract.workload import WorkloadDataPoint

Request = dict[str, Any]
DEADLINE_MS = 2000.0  # a caller that waits longer than this has better things to do
GIB = float(1 << 30)
NODE_PROCS = 16
NODE_MEMORY_BYTES = 32 * GIB
SYNTHETIC_GIB = (0.25, 4.0)  # per processor, log-uniform, where the trace says nothing


def queue_request(ident: str, problem: QueueProblem) -> Request:
    """Which of the waiting jobs start now?"""
    return {
        "id": ident,
        "type": "scheduling",
        "data": msgspec.to_builtins(problem),
        "deadlineMs": DEADLINE_MS,
    }


def run_time_request(ident: str, job: TraceJob) -> Request:
    """How long will this job run? In milliseconds, from what is known when it comes."""
    return {
        "id": ident,
        "type": "ml-driven",
        "data": {"type": "scheduling", **features(job)},
        "deadlineMs": DEADLINE_MS,
    }


def packing_request(ident: str, running: Sequence[Started], seed: int) -> Request:
    """On how few nodes would the jobs that run now fit?

    A job larger than a node is cut into tasks of a node's size and a rest, as a parallel job is.
    """
    items = []
    for each in running:
        memory = memory_per_proc_bytes(each.job, seed)
        left, task = each.job.procs, 0
        while left > 0:
            procs = min(left, NODE_PROCS)
            items.append(
                {
                    "id": f"{each.job.id}.{task}",
                    "cpu": procs,
                    "memory": min(procs * memory, NODE_MEMORY_BYTES),
                }
            )
            left -= procs
            task += 1
    data = {"items": items, "nodeCapacity": {"cpu": NODE_PROCS, "memory": NODE_MEMORY_BYTES}}
    return {"id": ident, "type": "resource", "data": data, "deadlineMs": DEADLINE_MS}


def memory_per_proc_bytes(job: TraceJob, seed: int) -> float:
    """The trace's own, or drawn for this job from the seed: the same at every question."""
    if job.memory_bytes is not None:
        return job.memory_bytes
    low, high = SYNTHETIC_GIB
    chance = random.Random(f"{seed}:memory:{job.id}")
    return math.floor(GIB * math.exp(chance.uniform(math.log(low), math.log(high))))


def tuning_request(
    ident: str, parameters: list[dict[str, Any]], observations: list[dict[str, Any]]
) -> Request:
    """Which setting of the knobs is worth trying next?"""
    data = {"parameters": parameters, "observations": observations, "direction": "minimize", "count": 1}
    return {"id": ident, "type": "performance", "data": data, "deadlineMs": DEADLINE_MS}


def features(job: TraceJob) -> dict[str, Any]:
    """What is known of a job when it comes; times in milliseconds."""
    return {
        "user": job.user,
        "procs": job.procs,
        "requestedTime": job.requested_s * 1000.0,
        "submitHour": job.submit_s / 3600.0 % 24.0,
    }


def outcome(done: Started) -> dict[str, Any]:
    """The history's point of a job that ended; `duration` is its run time in milliseconds."""
    run_s = done.job.held_s
    return WorkloadDataPoint(
        timestamp=done.start_ms,
        request_type="scheduling",
        resource_usage={"procs": float(done.job.procs), "cpuSeconds": run_s * done.job.procs},
        duration=run_s * 1000.0,
        success=done.job.run_s <= done.job.requested_s,  # else it was killed when its time was over
        metadata={"jobId": done.job.id, "waitMs": done.start_ms - done.job.submit_s * 1000.0},
        features=features(done.job),
        request_id=done.request_id,
    ).to_dict()


def predicted_ms(result: Any) -> float | None:
    """The run time in an answer to `run_time_request`, however the predictor names it; `None` when there is none."""
    value = result.get("prediction") if isinstance(result, dict) else None
    if isinstance(value, dict):
        value = next((value[name] for name in _RUN_TIME_NAMES if name in value), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def lots(points: Iterable[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    """Points in lists of at most *size*."""
    every = list(points)
    return [every[at : at + size] for at in range(0, len(every), size)]


_RUN_TIME_NAMES = ("expected_duration", "expectedDuration", "duration", "runTime", "run_time")

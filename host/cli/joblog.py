"""A job log as history: what each job asked for is known beforehand, what came of it is the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.errors import ConfigError
from plugin_sdk.contract.workload import WorkloadDataPoint

MOST_JOBS = 1_000_000  # they are put in the order of their submission, so all are in memory
_STORED = (".gz", ".xz")


def is_job_log(path: Path, form: str | None) -> bool:
    """Whether *form* says so, or the file's name."""
    if form is not None:
        return form == "swf"
    named = path.with_suffix("") if path.suffix.lower() in _STORED else path
    return named.suffix.lower() == ".swf"


def points_of(path: Path) -> Iterator[WorkloadDataPoint]:
    """A point a job, on the log's own clock, in milliseconds.

    Raises:
        ConfigError: It is no job log, says where; or one of too many jobs.
    """
    from host.traces.load import load_trace

    jobs = load_trace(path, MOST_JOBS + 1).jobs
    if len(jobs) > MOST_JOBS:
        raise ConfigError(f"{path}: it has more than {MOST_JOBS} jobs; give it in parts")
    for job in jobs:
        features: dict[str, Any] = {
            "user": job.user,
            "procs": job.procs,
            "requestedTime": job.requested_s * 1000.0,
            "submitHour": job.submit_s / 3600.0 % 24.0,
        }
        if job.memory_bytes is not None:
            features["memory"] = job.memory_bytes
        yield WorkloadDataPoint(
            timestamp=job.submit_s * 1000.0,
            request_type="scheduling",
            resource_usage={"procs": float(job.procs), "cpuSeconds": job.held_s * job.procs},
            duration=job.held_s * 1000.0,
            success=job.run_s <= job.requested_s,  # else it was killed when its time was over
            metadata={"jobId": job.id},
            features=features,
        )

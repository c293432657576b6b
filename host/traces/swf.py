"""The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a job, -1 where unknown.

Source: Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers" (JSSPP 1999);
the archive's page "The Standard Workload Format", version 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from host.errors import ConfigError
from host.traces.fields import header_count, number
from host.traces.job import OWN_TIME, Trace, TraceJob
from host.traces.text import Line

FIELDS = 18
_HEADER = re.compile(r";\s*(MaxProcs|MaxNodes)\s*:\s*(.*)", re.IGNORECASE)
_CANCELLED = 5  # status of a job that was cancelled; with no run time it never started
_KIB = 1024.0  # memory fields are in kilobytes a processor

# Positions from 0; the format counts from 1.
_ID, _SUBMIT, _RUN, _ALLOCATED, _MEMORY_USED = 0, 1, 3, 4, 6
_PROCS, _TIME, _MEMORY, _STATUS, _USER = 7, 8, 9, 10, 11
_NAMES = {
    _SUBMIT: "submit time",
    _RUN: "run time",
    _ALLOCATED: "allocated processors",
    _MEMORY_USED: "used memory",
    _PROCS: "requested processors",
    _TIME: "requested time",
    _MEMORY: "requested memory",
    _STATUS: "status",
}


def read_swf(lines: Iterable[Line], path: Path, name: str, limit: int | None = None) -> Trace:
    """The trace in the lines of an SWF file.

    Size is field 8 (requested), else field 5 (allocated); requested time is field 9, else the run time
    itself; memory is field 10, else field 7. Jobs that cannot be replayed are skipped and counted.

    Args:
        limit: Stop after this many usable jobs.

    Raises:
        ConfigError: A line is no SWF line, or there is no usable job; names file and line.
    """
    header: dict[str, int] = {}
    skipped: Counter[str] = Counter()
    jobs: list[TraceJob] = []
    own_time = 0
    for line, text in lines:
        if text.startswith(";"):
            found = _HEADER.match(text)
            if found:
                header[found[1].lower()] = header_count(found[2], path, line, found[1])
            continue
        if not text.strip():
            continue
        job, reason = _job(text.split(), path, line)
        procs = header.get("maxprocs", header.get("maxnodes"))
        if job is not None and procs is not None and job.procs > procs:
            job, reason = None, "more processors than the machine has"
        if job is None:
            skipped[reason] += 1
            continue
        own_time += reason == "own run time"
        jobs.append(job)
        if limit is not None and len(jobs) >= limit:
            break
    if not jobs:
        raise ConfigError(
            f"{path}: no job that can be used ({sum(skipped.values())} skipped); give a log with jobs in it"
        )
    jobs.sort(key=lambda job: job.submit_s)  # stable: equal times keep the order of the file
    said = [f"{len(jobs)} jobs in Standard Workload Format"]
    procs = header.get("maxprocs", header.get("maxnodes"))
    if procs is None:
        procs = max(job.procs for job in jobs)
        said.append(f"the header names no MaxProcs, so the machine is as large as its largest job, {procs}")
    if own_time:
        said.append(OWN_TIME.format(count=own_time))
    if skipped:
        said.append("skipped: " + ", ".join(f"{count} with {why}" for why, count in sorted(skipped.items())))
    return Trace(name, procs, jobs, str(path), "; ".join(said), dict(skipped))


def _job(fields: list[str], path: Path, line: int) -> tuple[TraceJob | None, str]:
    """The job, or `None` with why it is skipped; with a job, a remark."""
    if len(fields) != FIELDS:
        raise ConfigError(
            f"{path}:{line}: {len(fields)} fields; give the {FIELDS} numbers of the Standard Workload Format"
            " (comments start with ';')"
        )

    def at(position: int) -> float:
        return number(fields[position], path, line, f"field {position + 1} ({_NAMES[position]})")

    submit, run, procs, requested = at(_SUBMIT), at(_RUN), at(_PROCS), at(_TIME)
    if procs <= 0:
        procs = at(_ALLOCATED)
    if run < 0 or (run == 0 and at(_STATUS) == _CANCELLED):
        return None, "no run time"
    if procs < 1:
        return None, "no processors"
    if submit < 0:
        return None, "no submit time"
    remark = ""
    if requested <= 0:
        requested, remark = max(run, 1.0), "own run time"
    memory = at(_MEMORY)
    if memory <= 0:
        memory = at(_MEMORY_USED)
    user = fields[_USER]
    return TraceJob(
        id=fields[_ID],
        submit_s=submit,
        run_s=run,
        procs=int(procs),
        requested_s=requested,
        user="unknown" if user.startswith("-") else user,
        memory_bytes=memory * _KIB if memory > 0 else None,
    ), remark

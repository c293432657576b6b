"""Which jobs are replayed: a stretch of a log, or a generated workload."""

from __future__ import annotations

import msgspec

from host.demo.options import DemoOptions
from host.traces.job import Trace, TraceJob
from host.traces.load import load_trace
from host.traces.lublin import lublin_trace


def choose(options: DemoOptions) -> Trace:
    """The jobs to replay, and in `description` where they are from.

    Raises:
        ConfigError: The file cannot be used.
    """
    if options.trace is None:
        return lublin_trace(options.jobs, seed=options.seed, procs=options.procs)
    return busiest(load_trace(options.trace), options.jobs)


def busiest(trace: Trace, count: int) -> Trace:
    """The stretch of *count* jobs in a row with the highest offered load.

    A log starts with an empty machine and has idle weeks in which there is nothing to decide.
    """
    if len(trace.jobs) <= count:
        return trace
    starts = range(0, len(trace.jobs) - count + 1, max(1, count // 4))
    start = max(starts, key=lambda at: (_load(trace.jobs[at : at + count], trace.procs), -at))
    chosen = trace.jobs[start : start + count]
    said = f"{trace.description}; replayed: jobs {start + 1} to {start + count}, the {count} in a row with the highest load"
    return msgspec.structs.replace(trace, jobs=chosen, description=said)


def _load(jobs: list[TraceJob], procs: int) -> float:
    span = max(1.0, jobs[-1].submit_s - jobs[0].submit_s)
    return sum(job.procs * job.held_s for job in jobs) / (procs * span)

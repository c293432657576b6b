"""What a finished schedule comes to, of a log or of a window of it: metrics, curves and a part of it."""

from __future__ import annotations

import numpy as np

from host.simulator.guard import Guard
from host.simulator.play import Played
from host.solvers.batch.replay import JobColumns, bounded_slowdowns

CURVE_POINTS = 300
BARS = 120
BARS_FROM_QUANTILE = 0.5
BARS_TITLE = "jobs in order of arrival, by hours"


def report(
    jobs: JobColumns,
    start: np.ndarray,
    procs: int,
    fallbacks: int = 0,
    decisions: int | None = None,
    guard: Guard | None = None,
) -> Played:
    """The result of jobs that have all run, by the start of each; a decision is one a job unless it is said how many there were."""
    slowdowns = bounded_slowdowns(jobs, start)
    waits = start - jobs.submit
    ends = start + jobs.run
    span = max(float(ends.max() - jobs.submit[0]), 1.0)
    metrics = {
        "bounded slowdown": float(slowdowns.mean()),
        "max wait h": float(waits.max()) / 3600.0,
        "mean wait h": float(waits.mean()) / 3600.0,
        "utilisation": 100.0 * float((jobs.run * jobs.procs).sum()) / (procs * span),
    }
    if guard is not None:
        metrics["guard trips"] = float(guard.trips)
    curves = {
        "processors in use (%), by days": _in_use(jobs, start, procs),
        "jobs (%) that waited at most, by hours": _distribution(waits / 3600.0),
    }
    return Played(
        metrics,
        curves,
        _bars(jobs, start),
        BARS_TITLE,
        len(jobs) if decisions is None else decisions,
        fallbacks,
    )


def _in_use(jobs: JobColumns, start: np.ndarray, procs: int) -> list[tuple[float, float]]:
    """Averages over equal spans of time."""
    first, last = float(jobs.submit[0]), float((start + jobs.run).max())
    edges = np.linspace(first, max(last, first + 1.0), CURVE_POINTS + 1)
    times = np.concatenate([start, start + jobs.run])
    change = np.concatenate([jobs.procs, -jobs.procs]).astype(np.float64)
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(change[order])
    area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(times))])
    at = np.interp(edges, times, area)
    share = 100.0 * np.diff(at) / np.diff(edges) / procs
    return [
        (float(edge - first) / 86_400.0, float(each)) for edge, each in zip(edges[:-1], share, strict=True)
    ]


def _distribution(values: np.ndarray) -> list[tuple[float, float]]:
    levels = np.linspace(0.0, 1.0, 101)
    return [
        (float(x), 100.0 * float(level)) for x, level in zip(np.quantile(values, levels), levels, strict=True)
    ]


def _bars(jobs: JobColumns, start: np.ndarray) -> list[tuple[int, float, float, str]]:
    """A part of the schedule from its middle: a row a job, hours since the first of them started."""
    middle = int(BARS_FROM_QUANTILE * (len(jobs) - 1))
    rows = range(middle, min(middle + BARS, len(jobs)))
    zero = min(float(start[job]) for job in rows)
    return [
        (
            row,
            (float(start[job]) - zero) / 3600.0,
            (float(start[job]) + float(jobs.run[job]) - zero) / 3600.0,
            f"{int(jobs.procs[job])} processors, waited {(float(start[job]) - float(jobs.submit[job])) / 3600.0:.1f} h",
        )
        for row, job in enumerate(rows)
    ]

"""What a run costs beside its shadow, while both go on: summed bounded slowdowns of the same jobs."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.simulator.tasks.run_times import RunTimes
from host.solvers.batch.replay import BOUND_S, NEVER, JobColumns

DROP_EVERY = 64  # looks: jobs whose costs are settled are summed up then


class Accounts:
    """Holds each job's wait in the run against its wait in the shadow, both weighed by what waiting costs that very job.

    Run times that are not known yet are the same expectation on both sides, so that what is not known cancels out
    wherever both let a job wait alike.
    """

    def __init__(self, jobs: JobColumns, run_times: RunTimes) -> None:
        self._jobs = jobs
        self._run_times = run_times
        self._open = np.empty(0, dtype=np.int64)
        self._came = 0
        self._looks = 0
        self._settled = np.zeros(2)

    def costs(self, run: Any, shadow: Any, now: float) -> tuple[float, float]:
        """Of the states of the run and of its shadow at *now*, over all jobs that have come."""
        first = self._came
        while self._came < len(self._jobs) and self._jobs.submit[self._came] <= now:
            self._came += 1
        self._open = np.concatenate([self._open, np.arange(first, self._came)])
        jobs = self._open
        losses = self._run_times.losses(jobs)
        began = [_of(state.start, jobs) for state in (run, shadow)]
        known = self._run_times.known[jobs]
        running = (began[0] != NEVER) & ~known
        # One that runs is not as short as it has run by now.
        losses[running] = np.minimum(losses[running], 1 / np.maximum(now - began[0][running], BOUND_S))
        short = np.where(known, np.minimum(self._jobs.run[jobs] / BOUND_S, 1.0), 1.0)
        costs = np.stack(
            [
                np.maximum(
                    1.0, short + losses * (np.where(start == NEVER, now, start) - self._jobs.submit[jobs])
                )
                for start in began
            ]
        )
        total = self._settled + costs.sum(axis=1)
        self._looks += 1
        if self._looks % DROP_EVERY == 0:
            settled = known & (began[1] != NEVER)
            self._settled += costs[:, settled].sum(axis=1)
            self._open = jobs[~settled]
        return float(total[0]), float(total[1])


def _of(column: Any, jobs: np.ndarray) -> np.ndarray:
    return column[jobs] if isinstance(column, np.ndarray) else np.array([column[job] for job in jobs])

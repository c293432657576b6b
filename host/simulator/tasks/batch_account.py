"""What a run costs beside its shadow, while both go on: summed bounded slowdowns of the same jobs.

Beside what has been waited, there is what is still to be: each job that waits will until the work before it is done, in
order of arrival. What an order leaves behind shows in slowdowns long after, when it is too late to fall back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from host.simulator.tasks.run_times import RunTimes
from host.solvers.batch.replay import BOUND_S, NEVER, JobColumns
from host.solvers.batch.shadow import Shadow

DROP_EVERY = 64  # looks: jobs whose costs are settled are summed up then


class Costs(NamedTuple):
    """Sums over all jobs that have come.

    Fields:
        run, shadow: By what they have waited.
        coming: By how much more what waits in the run will still cost than what waits in the shadow.
    """

    run: float
    shadow: float
    coming: float


class Accounts:
    """Holds each job's wait in the run against its wait in the shadow, both weighed by what waiting costs that very job.

    Run times that are not known yet are the same expectation on both sides, so that what is not known cancels out
    wherever both let a job wait alike.
    """

    def __init__(self, jobs: JobColumns, procs: int, run_times: RunTimes) -> None:
        self._jobs = jobs
        self._procs = procs
        self._run_times = run_times
        self._open = np.empty(0, dtype=np.int64)
        self._came = 0
        self._looks = 0
        self._settled = np.zeros(2)

    def costs(self, run: Any, shadow: Shadow, now: float) -> Costs:
        """Of the state of the run, and of its shadow, at *now*, over all jobs that have come."""
        first = self._came
        while self._came < len(self._jobs) and self._jobs.submit[self._came] <= now:
            self._came += 1
        self._open = np.concatenate([self._open, np.arange(first, self._came)])
        jobs = self._open
        losses = self._run_times.losses(jobs)
        known = self._run_times.known[jobs]
        expected = np.where(known, self._jobs.run[jobs], shadow.expected[jobs])
        states = (run, shadow.state)
        began = [_of(state.start, jobs) for state in states]
        running = (began[0] != NEVER) & ~known
        # One that runs is not as short as it has run by now.
        losses[running] = np.minimum(losses[running], 1 / np.maximum(now - began[0][running], BOUND_S))
        short = np.where(known, np.minimum(self._jobs.run[jobs] / BOUND_S, 1.0), 1.0)
        so_far, in_the_end = [], []
        for state, start in zip(states, began, strict=True):
            ends_waiting = np.where(start == NEVER, now, start)
            to_wait = np.where(start == NEVER, self._to_wait(state, start, expected, now), 0.0)
            waited = ends_waiting - self._jobs.submit[jobs]
            so_far.append(np.maximum(1.0, short + losses * waited))
            in_the_end.append(np.maximum(1.0, short + losses * (waited + to_wait)))
        costs = np.stack(so_far)
        total = self._settled + costs.sum(axis=1)
        coming = [float((end - now_).sum()) for end, now_ in zip(in_the_end, so_far, strict=True)]
        self._looks += 1
        if self._looks % DROP_EVERY == 0:
            settled = known & shadow.has_surely_started(jobs)
            self._settled += costs[:, settled].sum(axis=1)
            self._open = jobs[~settled]
        return Costs(float(total[0]), float(total[1]), coming[0] - coming[1])

    def _to_wait(self, state: Any, start: Any, expected: Any, now: float) -> Any:
        """How long each open job would wait from *now* on, if all went in order of arrival and no processor idled."""
        jobs = self._open
        ran = now - start
        left = np.where(expected > ran, expected - ran, np.minimum(ran, self._jobs.requested[jobs]))
        runs = (start != NEVER) & (_of(state.known_end, jobs) == NEVER)
        procs = self._jobs.procs[jobs]
        work = np.where(start == NEVER, procs * expected, 0.0)
        before = np.cumsum(work) - work
        return (before + float((procs * left)[runs].sum())) / self._procs


def _of(column: Any, jobs: np.ndarray) -> np.ndarray:
    return column[jobs] if isinstance(column, np.ndarray) else np.array([column[job] for job in jobs])

"""What ended jobs say of those that have not: how long they may run, and what a second of their waiting is expected to cost."""

from __future__ import annotations

import numpy as np

from host.solvers.batch.replay import BOUND_S, JobColumns

PRIOR_JOBS = 3.0  # what is known of a wider kind counts for as many jobs of the narrower one
SPREAD = 2_654_435_761  # a large odd number: jobs one after the other draw from all over what is known (Knuth's multiplicative hash)


class RunTimes:
    """Kinds are a user's jobs of one size of request (powers of two); wider are all jobs of a size, and all jobs.

    Attributes:
        known: Which jobs have ended.
    """

    def __init__(self, jobs: JobColumns) -> None:
        self._jobs = jobs
        size = np.log2(np.maximum(jobs.requested, 1.0)).astype(np.int64)
        kinds: dict[tuple[int, int], int] = {}
        pairs = zip(jobs.user.tolist(), size.tolist(), strict=True)
        self._kind = np.array([kinds.setdefault(pair, len(kinds)) for pair in pairs], dtype=np.int64)
        self._size = size
        self.known = np.zeros(len(jobs), dtype=np.bool_)
        self._latest: dict[int, float] = {}
        self._uses: list[float] = []
        self._of_kind = np.zeros((len(kinds), 2))  # jobs, and the sum of their losses
        self._of_size = np.zeros((int(size.max(initial=0)) + 1, 2))
        self._of_all = 1.0  # sum of requests over run times: as if one job had run as long as it asked for

    def add(self, job: int) -> None:
        """It has ended."""
        jobs = self._jobs
        run = max(float(jobs.run[job]), BOUND_S)
        asked = max(float(jobs.requested[job]), BOUND_S)
        self.known[job] = True
        self._latest[int(self._kind[job])] = float(jobs.run[job])
        self._uses.append(float(jobs.run[job]) / asked)
        self._of_kind[self._kind[job]] += 1, 1 / run
        self._of_size[self._size[job]] += 1, 1 / run
        self._of_all += asked / run

    def guess(self, job: int) -> float:
        """A run time that it may well have: that of the latest of its kind, else some job's use of its request.

        A draw, not a mean: most jobs are short and few are long, and a queue of all middling ones is another queue.
        """
        requested = float(self._jobs.requested[job])
        latest = self._latest.get(int(self._kind[job]))
        if latest is None:
            uses = self._uses
            latest = requested * (uses[job * SPREAD % len(uses)] if uses else 1.0)
        return min(max(latest, 1.0), max(requested, 1.0))

    def losses(self, jobs: np.ndarray) -> np.ndarray:
        """Of slowdown by a second of waiting: as it was for those that have ended, else as is to be expected.

        The mean of what it was, not that of a mean run time: it is the jobs that end at once whose slowdown a wait makes large.
        """
        columns = self._jobs
        asked = np.maximum(columns.requested[jobs], BOUND_S)
        expected = self._of_all / (len(self._uses) + 1) / asked
        for counts, place in ((self._of_size, self._size), (self._of_kind, self._kind)):
            count, loss = counts[place[jobs]].T
            expected = (loss + PRIOR_JOBS * expected) / (count + PRIOR_JOBS)
        return np.asarray(np.where(self.known[jobs], 1 / np.maximum(columns.run[jobs], BOUND_S), expected))

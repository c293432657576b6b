"""What is known of each user's past jobs at a moment, and the features that follow from it."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import Any

LAST_JOBS = 10  # of each user; how people work changes, so older ones say little
USERS_KEPT = 20_000  # and as many repeated jobs; the longest unseen are forgotten first

FEATURES = (
    "log requested time",
    "log procs",
    "hour of day",
    "jobs seen of the user",
    "log run time of the last",
    "log run time of the one before",
    "mean log run time",
    "mean log of run / requested time",
    "log run time of the last with these procs and this requested time",
)


class Past:
    """Run times of finished jobs, by user. All times in milliseconds."""

    def __init__(self) -> None:
        self._users: OrderedDict[str, deque[tuple[float, float]]] = OrderedDict()
        self._twins: OrderedDict[tuple[str, int, float], float] = OrderedDict()
        self._ratio_sum = 0.0
        self._ratio_count = 0

    def __getstate__(self) -> dict[str, Any]:
        """In lists, which whatever keeps the model can write down; skops takes neither deques nor such keys."""
        users = [[user, [list(job) for job in jobs]] for user, jobs in self._users.items()]
        twins = [[*key, log_run] for key, log_run in self._twins.items()]
        return {"users": users, "twins": twins, "ratios": [self._ratio_sum, self._ratio_count]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        for user, jobs in state["users"]:
            self._users[user] = deque(((run, ratio) for run, ratio in jobs), maxlen=LAST_JOBS)
        self._twins.update(
            ((user, procs, requested_ms), log_run) for user, procs, requested_ms, log_run in state["twins"]
        )
        self._ratio_sum, self._ratio_count = state["ratios"]

    def add(self, user: str, procs: int, requested_ms: float, run_ms: float) -> None:
        """A job of this user has ended."""
        log_run = math.log(max(run_ms, 1.0))
        log_ratio = log_run - math.log(max(requested_ms, 1.0))
        self._users.setdefault(user, deque(maxlen=LAST_JOBS)).append((log_run, log_ratio))
        self._users.move_to_end(user)
        self._twins[user, procs, requested_ms] = log_run
        self._twins.move_to_end((user, procs, requested_ms))
        self._ratio_sum += log_ratio
        self._ratio_count += 1
        for kept in (self._users, self._twins):
            if len(kept) > USERS_KEPT:
                kept.popitem(last=False)

    def features(self, user: str, procs: int, requested_ms: float, hour: float) -> list[float]:
        """One row in the order of `FEATURES`, all finite. A user never seen looks like the average user."""
        log_requested = math.log(max(requested_ms, 1.0))
        usual_ratio = self._ratio_sum / self._ratio_count if self._ratio_count else 0.0
        jobs = self._users.get(user) or [(log_requested + usual_ratio, usual_ratio)]
        last = jobs[-1][0]
        mean_run = sum(run for run, _ in jobs) / len(jobs)
        mean_ratio = sum(ratio for _, ratio in jobs) / len(jobs)
        return [
            log_requested,
            math.log(max(procs, 1)),
            hour % 24.0,
            float(len(self._users.get(user, ()))),
            last,
            jobs[-2][0] if len(jobs) > 1 else last,
            mean_run,
            mean_ratio,
            self._twins.get((user, procs, requested_ms), log_requested + mean_ratio),
        ]

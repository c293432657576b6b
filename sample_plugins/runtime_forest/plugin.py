"""Predicts how long a job will run from what its user ran before, and orders the queue by that.

People ask for far more time than their jobs need, and run the same thing again and again; so the last run
times of a user say more than the requested time. Sources: Tsafrir, Etsion and Feitelson, "Backfilling Using
System-Generated Predictions" (2007); Gaussier et al., "Improving Backfilling by using Machine Learning to
predict Running Times" (SC'15); random forests, Breiman (2001).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from past import Past
from sklearn.ensemble import RandomForestRegressor

from plugin_sdk import Abstained, BaseMLModel, PredictionResult, WorkloadDataPoint
from plugin_sdk.contract.messages import TrainReply

HOUR_MS = 3_600_000.0
FLOOR_MS = 10_000.0  # the bounded slowdown counts no job as shorter than this
FEWEST_JOBS = 50  # below that a forest says nothing that an average does not
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


class RuntimeForest(BaseMLModel):
    """A forest on the logarithm of the run time; its out-of-bag errors give the quantiles."""

    def __init__(self, model_id: str = "runtime-forest") -> None:
        super().__init__(model_id)
        self.trees = 40
        self.patience_ms = 24 * HOUR_MS
        self.max_rows = 10_000
        self.past = Past()
        self.forest: RandomForestRegressor | None = None
        self.errors: list[float] = []  # quantiles of (log run - log predicted) at LEVELS
        self.within_two = 0.0

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]` with the operator's settings over it."""
        self.trees = int(config.get("trees", self.trees))
        self.patience_ms = float(config.get("patience_ms", self.patience_ms))
        self.max_rows = int(config.get("max_rows", self.max_rows))

    def train(self, data: Sequence[WorkloadDataPoint]) -> TrainReply:
        """Learns anew. Points that are no jobs (the host's own request records) are skipped.

        Returns:
            How many jobs were used, and what share of them the forest puts within a factor of two without
            having seen them (out of bag).
        """
        jobs = sorted(filter(is_job, data), key=lambda point: point.timestamp)[-self.max_rows :]
        if len(jobs) < FEWEST_JOBS:
            reason = f"{len(jobs)} finished jobs with a requestedTime; {FEWEST_JOBS} are needed"
            return TrainReply(False, len(jobs), reason)
        past, rows, logs = Past(), [], []
        # A job's row may hold only what had ended before it began; the rest waits here until it has.
        waiting: list[tuple[float, int]] = []
        for index, job in enumerate(jobs):
            while waiting and waiting[0][0] <= job.timestamp:
                remember(past, jobs[heapq.heappop(waiting)[1]])
            rows.append(past.features(*known_of(job.features, job.timestamp)))
            logs.append(math.log(max(job.duration, 1.0)))
            heapq.heappush(waiting, (job.timestamp + job.duration, index))
        while waiting:
            remember(past, jobs[heapq.heappop(waiting)[1]])

        forest = RandomForestRegressor(
            self.trees, min_samples_leaf=3, max_features=0.5, oob_score=True, n_jobs=1, random_state=0
        )
        forest.fit(np.array(rows), np.array(logs))
        errors = np.array(logs) - forest.oob_prediction_
        self.past, self.forest = past, forest
        self.errors = [float(each) for each in np.quantile(errors, LEVELS)]
        self.within_two = float(np.mean(np.abs(errors) < math.log(2)))
        self.is_trained = True
        self.training_metadata = {"jobs": len(jobs), "within_factor_two": self.within_two}
        return TrainReply(True, len(jobs), metrics={"within_factor_two": self.within_two})

    def learn(self, points: Iterable[WorkloadDataPoint], reset: bool = False) -> None:
        """Jobs that have ended since: the forest stays, what is known of their users moves on."""
        if reset:
            self.past = Past()
        for point in filter(is_job, points):
            remember(self.past, point)

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """The run time of a job, in ms: the median, with quantiles beside it, none above what is requested."""
        if self.forest is None or not has_request(input_data):
            return Abstained(reason="it predicts jobs, once trained: give procs and requestedTime above 0")
        log_run = self.log_runs([known_of(input_data)])[0]
        requested = float(input_data["requestedTime"])
        quantiles = {
            str(level): min(math.exp(log_run + error), requested)
            for level, error in zip(LEVELS, self.errors, strict=True)
        }
        return PredictionResult(
            {"expected_duration": quantiles["0.5"]},
            self.within_two,
            self.model_id,
            {"unit": "ms"},
            quantiles,
        )

    def score(self, task: dict[str, Any], candidates: list[dict[str, Any]]) -> list[float] | Abstained:
        """Which jobs of a queue should go first: the shortest predicted, with ageing.

        A wait of `patience_ms` counts as much as being e times shorter. Run times differ by a bounded factor,
        so a job that waits long enough passes every newcomer: nobody starves.
        """
        if task.get("kind") != "queue":
            return Abstained(reason="it orders queues; it has nothing to say of nodes")
        if self.forest is None or not all(map(has_request, candidates)):
            return Abstained(reason="it orders jobs with a requestedTime, once trained")
        log_runs = self.log_runs([known_of(job, job["submit"]) for job in candidates])
        scores = []
        for job, log_run in zip(candidates, log_runs, strict=True):
            log_run = max(min(log_run, math.log(job["requestedTime"])), math.log(FLOOR_MS))
            scores.append((task["now"] - job["submit"]) / self.patience_ms - log_run)
        return scores

    def log_runs(self, jobs: list[tuple[str, int, float, float]]) -> list[float]:
        """Predicted log of the run time in ms, all jobs in one pass: a pass costs ms, a row more next to nothing."""
        assert self.forest is not None
        rows = np.array([self.past.features(*job) for job in jobs])
        return [float(each) for each in self.forest.predict(rows)]


def has_request(job: dict[str, Any]) -> bool:
    """Whether the two things that are always known of a job are there and make sense."""
    return all(
        isinstance(job.get(name), int | float) and 0 < job[name] < math.inf
        for name in ("procs", "requestedTime")
    )


def is_job(point: WorkloadDataPoint) -> bool:
    """Whether a point of history is a job that ran."""
    return point.request_type == "scheduling" and has_request(point.features) and point.success


def known_of(job: dict[str, Any], submit_ms: float | None = None) -> tuple[str, int, float, float]:
    """User, procs, requested time (ms) and hour of day, from what was said of a job beforehand."""
    hour = job.get("submitHour")
    if not isinstance(hour, int | float) or not math.isfinite(hour):
        hour = (submit_ms if submit_ms is not None else job.get("submit") or 0.0) / HOUR_MS
    return str(job.get("user")), int(job["procs"]), float(job["requestedTime"]), float(hour) % 24.0


def remember(past: Past, point: WorkloadDataPoint) -> None:
    user, procs, requested_ms, _ = known_of(point.features)
    past.add(user, procs, requested_ms, point.duration)

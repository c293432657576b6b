"""Run times of jobs from their users' past, by a random forest whose answers take microseconds.

Sources: what a user's last jobs say, Tsafrir, Etsion and Feitelson (2007); random forests, Breiman (2001).
"""

from __future__ import annotations

import heapq
import math
import warnings
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from plugin_sdk.calibration import SplitConformal
from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.fast import OneRow, one_row
from plugin_sdk.model import BaseMLModel, PredictionResult

REMEMBERED = 8  # of a user's last run times
HOUR_MS = 3_600_000.0


class RunTimeForest(BaseMLModel):
    """Predicts `expected_duration` (ms) from `user`, `procs`, `requestedTime` and `submitHour`, with quantiles.

    A row holds only what had ended when its job began, so that nothing is learned from the future; between trainings
    `learn` moves what is known of the users. No answer is above the requested time.
    Configuration: `trees` (60), `max_rows` (8,000).
    """

    min_training_points = 50

    def __init__(self, model_id: str = "run-time-forest") -> None:
        super().__init__(model_id)
        self.trees = 60
        self.max_rows = 8_000
        self.past: dict[str, deque[float]] = {}
        self.forest: OneRow | None = None
        self.errors = SplitConformal()
        self.within_two = 0.0

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        self.trees = int(config.get("trees", self.trees))
        self.max_rows = int(config.get("max_rows", self.max_rows))

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Fits on all jobs; the quantiles come from their out-of-bag errors."""
        jobs = sorted(filter(is_job, data), key=lambda point: point.timestamp)[-self.max_rows :]
        if len(jobs) < self.min_training_points:
            return False
        past: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        rows: list[list[float]] = []
        waiting: list[tuple[float, int]] = []
        for index, job in enumerate(jobs):
            while waiting and waiting[0][0] <= job.timestamp:
                ended = jobs[heapq.heappop(waiting)[1]]
                past[str(ended.features.get("user"))].append(math.log(max(ended.duration, 1.0)))
            rows.append(_row(job.features, past))
            heapq.heappush(waiting, (job.timestamp + job.duration, index))
        for _, index in sorted(waiting):
            past[str(jobs[index].features.get("user"))].append(math.log(max(jobs[index].duration, 1.0)))
        logs = np.array([math.log(max(job.duration, 1.0)) for job in jobs])
        forest = RandomForestRegressor(
            self.trees, min_samples_leaf=3, max_features=0.5, oob_score=True, n_jobs=1, random_state=0
        )
        with warnings.catch_warnings():
            # With few trees some jobs are in every bag: they have a 0 there, and are left out of account below.
            warnings.simplefilter("ignore", UserWarning)
            forest.fit(np.array(rows), logs)
        outside = np.where(forest.oob_prediction_ != 0.0, forest.oob_prediction_, logs.mean())
        self.past, self.forest = dict(past), one_row(forest)
        self.errors = SplitConformal().fit(outside.tolist(), logs.tolist())
        self.within_two = float(np.mean(np.abs(outside - logs) < math.log(2)))
        return {"jobs": float(len(jobs)), "within_factor_two": self.within_two}

    def learn(self, points: Iterable[WorkloadDataPoint], reset: bool = False) -> None:
        """Jobs that have ended since: the forest stays, what is known of their users moves on."""
        if reset:
            self.past = {}
        for point in filter(is_job, points):
            known = self.past.setdefault(str(point.features.get("user")), deque(maxlen=REMEMBERED))
            known.append(math.log(max(point.duration, 1.0)))

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """See the class."""
        if self.forest is None or not _has_request(input_data):
            return Abstained(
                reason="it predicts jobs, once trained: give user, procs and requestedTime above 0"
            )
        log_ms = self.forest.predict(_row(input_data, self.past))
        most = float(input_data["requestedTime"])
        quantiles = {
            level: min(math.exp(value), most) for level, value in self.errors.quantiles(log_ms).items()
        }
        said = {"expected_duration": quantiles["0.5"]}
        return PredictionResult(said, self.within_two, self.model_id, {"unit": "ms"}, quantiles)


def is_job(point: WorkloadDataPoint) -> bool:
    """Whether a point of history is a job that ran to its end."""
    return point.success and point.duration > 0 and _has_request(point.features)


def _has_request(job: dict[str, Any]) -> bool:
    return all(
        isinstance(job.get(name), int | float) and 0 < job[name] < math.inf
        for name in ("procs", "requestedTime")
    )


def _row(job: dict[str, Any], past: dict[str, deque[float]]) -> list[float]:
    """What is known of a job, all finite; a user never seen is like one who uses all that is asked for."""
    log_asked = math.log(max(job["requestedTime"], 1.0))
    logs = list(past.get(str(job.get("user"))) or [log_asked])
    hour = job.get("submitHour")
    known_hour = float(hour) % 24.0 if isinstance(hour, int | float) and math.isfinite(hour) else 12.0
    last = logs[-1]
    return [
        log_asked,
        math.log(max(job["procs"], 1)),
        known_hour,
        float(len(logs)) if str(job.get("user")) in past else 0.0,
        last,
        logs[-2] if len(logs) > 1 else last,
        sum(logs) / len(logs),
        max(logs),
    ]

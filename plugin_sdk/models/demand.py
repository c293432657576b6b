"""Quantiles of demand by gradient boosting, calibrated on the end of the history.

Sources: histogram gradient boosting, Ke et al. (2017); quantile loss, Koenker and Bassett (1978); conformalised quantile
regression, Romano, Patterson and Candes (2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from plugin_sdk.calibration import LEVELS, ConformalQuantiles
from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.fast import OneRow, one_row
from plugin_sdk.model import BaseMLModel, PredictionResult
from plugin_sdk.models.series import DAY_MS, UsageSeries, usage_series

LAGS = (1, 2, 3, 6, 12)
FEWEST_ROWS = 60
ROWS_MOST = 4_000  # the newest that are fitted to
HELD_OUT = 0.25


class DemandQuantiles(BaseMLModel):
    """Predicts how much of each resource will be asked for at a time ahead.

    Asked `{"horizonMs": 1800000, "resource": "cpu"}`. One forest of small trees a resource and level, on the amounts of
    late, the same time a day ago and the time of day; so a forecast far ahead leans on the day, a near one on the present.
    Configuration: `trees` (60), `request_type` (all), `step_ms`, `horizon_steps` (the furthest it is fitted to, 12).
    """

    min_training_points = 100

    def __init__(self, model_id: str = "demand-quantiles") -> None:
        super().__init__(model_id)
        self.trees = 60
        self.horizon_steps = 12
        self.request_type: str | None = None
        self.step_ms: float | None = None
        self.series: dict[str, UsageSeries] = {}
        self.models: dict[str, dict[float, OneRow]] = {}
        self.calibration: dict[str, ConformalQuantiles] = {}

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        self.trees = int(config.get("trees", self.trees))
        self.horizon_steps = int(config.get("horizon_steps", self.horizon_steps))
        self.request_type = config.get("request_type", self.request_type)
        self.step_ms = config.get("step_ms", self.step_ms)

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Fits on the older part, calibrates on the newest quarter, so nothing is calibrated on what it has seen."""
        series = usage_series(data, self.request_type, self.step_ms)
        models: dict[str, dict[float, OneRow]] = {}
        calibration: dict[str, ConformalQuantiles] = {}
        figures: dict[str, float] = {}
        for name, each in series.items():
            rows, targets = self._rows(each)
            if len(rows) < FEWEST_ROWS:
                continue
            cut = int(len(rows) * (1 - HELD_OUT))
            fitted = {level: self._fitted(rows[:cut], targets[:cut], level) for level in LEVELS}
            with threadpool_limits(1, user_api="openmp"):
                held = {level: model.predict(rows[cut:]) for level, model in fitted.items()}
            calibration[name] = ConformalQuantiles(LEVELS).fit(held, targets[cut:])
            models[name] = {level: one_row(model) for level, model in fitted.items()}
            figures[f"mean_error.{name}"] = float(np.mean(np.abs(held[0.5] - targets[cut:])))
        if not models:
            return False
        self.series, self.models, self.calibration = series, models, calibration
        return figures

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """See the class."""
        horizon_ms, name = input_data.get("horizonMs"), input_data.get("resource")
        if not isinstance(horizon_ms, int | float) or not horizon_ms > 0:
            return Abstained(reason="it forecasts demand: give horizonMs, above 0")
        if name is not None and name not in self.models:
            return Abstained(reason=f"no demand for {name!r} was learned; there is {', '.join(self.models)}")
        if name is not None:
            quantiles = self._quantiles(name, horizon_ms)
            return PredictionResult(quantiles["0.5"], 0.6, self.model_id, {"unit": name}, quantiles)
        said = {each: self._quantiles(each, horizon_ms)["0.5"] for each in self.models}
        return PredictionResult(said, 0.6, self.model_id)

    def _quantiles(self, name: str, horizon_ms: float) -> dict[str, float]:
        series = self.series[name]
        steps = max(1, min(round(horizon_ms / series.step_ms), 10**6))
        row = _row(series, len(series.values) - 1, steps)
        raw = {level: model.predict(row) for level, model in self.models[name].items()}
        return {level: max(value, 0.0) for level, value in self.calibration[name].quantiles(raw).items()}

    def _rows(self, series: UsageSeries) -> tuple[Any, Any]:
        """One row a step and horizon, oldest first, and what came."""
        rows, targets = [], []
        count = len(series.values)
        horizons = sorted({1, 2, 3, max(1, self.horizon_steps // 2), self.horizon_steps})
        first = max(max(LAGS), count - 1 - ROWS_MOST // len(horizons))
        for at in range(first, count - 1):
            for steps in horizons:
                if at + steps < count:
                    rows.append(_row(series, at, steps))
                    targets.append(series.values[at + steps])
        return np.array(rows, dtype=float), np.array(targets, dtype=float)

    def _fitted(self, rows: Any, targets: Any, level: float) -> HistGradientBoostingRegressor:
        model = HistGradientBoostingRegressor(
            loss="quantile",
            quantile=level,
            max_iter=self.trees,
            max_leaf_nodes=15,
            min_samples_leaf=10,
            early_stopping=False,
            random_state=0,
        )
        # Few rows: threads would wait for each other, on a busy machine for seconds.
        with threadpool_limits(1, user_api="openmp"):
            return model.fit(rows, targets)


def _row(series: UsageSeries, at: int, steps: int) -> list[float]:
    """What is known at step *at* of the amount *steps* later; the mean of late where no day has passed yet."""
    values, day = series.values, series.steps_per(DAY_MS)
    when = series.start_ms + (at + steps) * series.step_ms
    angle = 2 * math.pi * (when % DAY_MS) / DAY_MS
    yesterday = at + steps - day * math.ceil(steps / day)
    lags = [values[max(at - lag, 0)] for lag in (0, *LAGS)]
    late = values[max(0, at - 11) : at + 1]
    mean = sum(late) / len(late)
    return [
        float(steps),
        math.sin(angle),
        math.cos(angle),
        float(int(when // DAY_MS) % 7),
        mean,
        values[yesterday] if yesterday >= 0 else mean,
        *lags,
    ]

"""Forecasts of resource usage from its own past: the same time yesterday, and Holt-Winters.

Sources: Holt (1957), Winters (1960); the damped trend, Gardner and McKenzie (1985); Hyndman and Athanasopoulos,
Forecasting: Principles and Practice, chapters 5.2 and 8.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from plugin_sdk.calibration import LEVELS, conformal_quantile
from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.model import BaseMLModel, PredictionResult
from plugin_sdk.models.series import DAY_MS, UsageSeries, usage_series

HORIZONS = 4  # how many parts of the held-out stretch the errors are taken at
_TRIED = (0.05, 0.2, 0.5, 0.8)


class Forecaster(BaseMLModel):
    """Predicts each resource at a time ahead, with quantiles from its errors on the end of the history.

    Asked `{"horizonMs": 1800000, "resource": "cpu"}`: a number where a resource is named, else a number for each.
    Configuration: `period_ms` (a day), `request_type` (all), `step_ms` (the usual distance of points).
    """

    def __init__(self, model_id: str = "forecast") -> None:
        super().__init__(model_id)
        self.period_ms = DAY_MS
        self.request_type: str | None = None
        self.step_ms: float | None = None
        self.series: dict[str, UsageSeries] = {}
        self.errors: dict[str, list[float]] = {}

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        self.period_ms = float(config.get("period_ms", self.period_ms))
        self.request_type = config.get("request_type", self.request_type)
        self.step_ms = config.get("step_ms", self.step_ms)

    @abstractmethod
    def forecast(self, series: UsageSeries, steps: int) -> float:
        """The amount *steps* steps after the end of the series, 1 or more."""

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Keeps the series, and tries the forecast on their last fifth."""
        self.series = usage_series(data, self.request_type, self.step_ms)
        self.series = {name: each for name, each in self.series.items() if len(each.values) >= 5}
        self.errors = {name: self._tried(each) for name, each in self.series.items()}
        if not self.series:
            return False
        return {
            f"mean_error.{name}": sum(map(abs, errors)) / len(errors) for name, errors in self.errors.items()
        }

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """See the class."""
        horizon_ms = input_data.get("horizonMs")
        if not isinstance(horizon_ms, int | float) or not horizon_ms > 0:
            return Abstained(reason="it forecasts usage: give horizonMs, above 0")
        name = input_data.get("resource")
        if name is not None and name not in self.series:
            return Abstained(reason=f"no usage of {name!r} was recorded; there is {', '.join(self.series)}")
        wanted = [name] if name is not None else list(self.series)
        said = {
            each: max(self.forecast(self.series[each], self._steps(each, horizon_ms)), 0.0) for each in wanted
        }
        if name is None:
            return PredictionResult(said, 0.5, self.model_id)
        quantiles = {
            f"{level:g}": max(said[name] + conformal_quantile(self.errors[name], level), 0.0)
            for level in LEVELS
        }
        return PredictionResult(said[name], 0.5, self.model_id, {"unit": name}, quantiles)

    def _steps(self, name: str, horizon_ms: float) -> int:
        return max(1, min(round(horizon_ms / self.series[name].step_ms), 10**6))

    def _tried(self, series: UsageSeries) -> list[float]:
        """Actual minus forecast at several places of the last fifth, each from what came before it."""
        count = len(series.values)
        held = max(count // 5, 1)
        errors = []
        for part in range(HORIZONS):
            cut = count - held + part * held // HORIZONS
            if cut < 4:
                continue
            before = UsageSeries(series.start_ms, series.step_ms, series.values[:cut])
            reach = min(max(held // HORIZONS, 1), count - cut)
            errors += [
                series.values[cut + ahead - 1] - self.forecast(before, ahead) for ahead in range(1, reach + 1)
            ]
        return errors


class SeasonalNaive(Forecaster):
    """What it was one period ago: hard to beat where days are alike. The last value where there is no period yet."""

    def forecast(self, series: UsageSeries, steps: int) -> float:
        """See `Forecaster`."""
        period = series.steps_per(self.period_ms)
        if period >= len(series.values):
            return series.values[-1]
        return series.values[len(series.values) - period + (steps - 1) % period]


class HoltWinters(Forecaster):
    """Level, damped trend and season, each smoothed; how much is found by trying. Additive.

    Configuration beside that of `Forecaster`: `damping` (0.98).
    """

    def __init__(self, model_id: str = "holt-winters") -> None:
        super().__init__(model_id)
        self.damping = 0.98
        self.smoothing: tuple[float, float, float] = (0.2, 0.05, 0.2)
        self._fitted: dict[int, tuple[float, float, list[float], int]] = {}

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        super().init(config)
        self.damping = float(config.get("damping", self.damping))

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Finds the smoothing that would have made the least one-step errors, then as `Forecaster`."""
        self._fitted = {}
        series = list(usage_series(data, self.request_type, self.step_ms).values())
        if series:
            grid = [(a, b, c) for a in _TRIED for b in (0.01, 0.1) for c in (0.05, 0.3)]
            tails = [UsageSeries(each.start_ms, each.step_ms, each.values[-2000:]) for each in series]
            self.smoothing = min(
                grid, key=lambda tried: sum(self._smoothed(each, tried)[4] for each in tails)
            )
        return super().train(data)

    def forecast(self, series: UsageSeries, steps: int) -> float:
        """See `Forecaster`."""
        key = id(series)
        known = self._fitted.get(key)
        if known is None or known[3] != len(series.values):
            level, trend, season, _, _ = self._smoothed(series, self.smoothing)
            if len(self._fitted) > 64:
                self._fitted.clear()
            known = self._fitted[key] = (level, trend, season, len(series.values))
        level, trend, season, count = known
        damped = self.damping * (1 - self.damping**steps) / (1 - self.damping) if self.damping < 1 else steps
        return level + damped * trend + season[(count + steps - 1) % len(season)]

    def _smoothed(
        self, series: UsageSeries, smoothing: tuple[float, float, float]
    ) -> tuple[float, float, list[float], int, float]:
        """Level, trend, season by place in the period, count, and the mean squared one-step error, scaled."""
        alpha, beta, gamma = smoothing
        values = series.values
        period = series.steps_per(self.period_ms)
        if 2 * period > len(values):
            period = 1  # less than two periods say nothing of a season
        first = values[:period]
        level = sum(first) / period
        trend = (sum(values[period : 2 * period]) / period - level) / period if period > 1 else 0.0
        season = [value - level for value in first]
        squared = 0.0
        for at in range(period, len(values)):
            place = at % period
            ahead = level + self.damping * trend
            error = values[at] - ahead - season[place]
            squared += error * error
            before = level
            level = ahead + alpha * error
            trend = self.damping * trend + beta * (level - before - self.damping * trend)
            season[place] += gamma * (1 - alpha) * error if period > 1 else 0.0
        spread = sum((value - level) ** 2 for value in values) or 1.0
        return level, trend, season, len(values), squared / spread

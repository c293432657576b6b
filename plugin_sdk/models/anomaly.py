"""Says how unusual a finished piece of work is, beside others of its type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.model import BaseMLModel, PredictionResult

TO_DEVIATION = 1.4826  # of the median absolute deviation, for a normal distribution
FEWEST = 10


class AnomalyDetector(BaseMLModel):
    """Asked `{"requestType": ..., "duration": ms, "resourceUsage": {...}}`: `anomaly_score` and `is_anomaly`.

    The score is the furthest that any measure lies from the median of its type, in robust standard deviations; above
    `threshold` (3.5, configurable) it is called an anomaly. Robust, so that the anomalies of the past do not hide those
    to come. Source: the modified z-score, Iglewicz and Hoaglin (1993).
    """

    def __init__(self, model_id: str = "anomaly-detector") -> None:
        super().__init__(model_id)
        self.threshold = 3.5
        self.usual: dict[str, dict[str, tuple[float, float]]] = {}

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        self.threshold = float(config.get("threshold", self.threshold))

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Learns what is usual for each request type."""
        seen: dict[str, dict[str, list[float]]] = {}
        for point in data:
            measures = _measures(point.duration, point.resource_usage)
            for name, value in measures.items():
                seen.setdefault(point.request_type, {}).setdefault(name, []).append(value)
        self.usual = {}
        for kind, by_name in seen.items():
            kept = {name: _centre(values) for name, values in by_name.items() if len(values) >= FEWEST}
            if kept:
                self.usual[kind] = kept
        return {"types": float(len(self.usual))} if self.usual else False

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """See the class."""
        kind = input_data.get("requestType")
        usual = self.usual.get(kind) if isinstance(kind, str) else None
        if usual is None:
            return Abstained(
                reason=f"too few points of the type {kind!r}; give requestType, duration, resourceUsage"
            )
        usage = input_data.get("resourceUsage")
        measures = _measures(input_data.get("duration"), usage if isinstance(usage, dict) else {})
        off = {
            name: abs(value - usual[name][0]) / usual[name][1]
            for name, value in measures.items()
            if name in usual
        }
        if not off:
            return Abstained(reason=f"it has none of the measures that were learned: {', '.join(usual)}")
        worst = max(off, key=off.__getitem__)
        said = {"anomaly_score": off[worst], "is_anomaly": float(off[worst] > self.threshold)}
        return PredictionResult(said, 0.5, self.model_id, {"measure": worst, "scores": off})


def _measures(duration: Any, usage: dict[str, Any]) -> dict[str, float]:
    """On logarithmic scales: twice as long is as unusual as half as long."""
    found = {"duration": duration, **usage}
    return {
        name: math.log1p(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    }


def _centre(values: list[float]) -> tuple[float, float]:
    middle = median(values)
    spread = TO_DEVIATION * median(abs(value - middle) for value in values)
    # Where more than half are alike, a deviation of 5 % is the least that is told.
    return middle, max(spread, 0.05)

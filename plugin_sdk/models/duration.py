"""How long a job takes, learned from one finished job after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from plugin_sdk.calibration import AdaptiveConformal
from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.model import BaseMLModel, PredictionResult
from plugin_sdk.online import OnlineRegressor

UPPER = 0.9


class OnlineDuration(BaseMLModel):
    """Predicts a duration from whatever is known beforehand, and follows a world that changes.

    Each outcome moves it as it comes (`learn`); `train` starts anew from the history. On the logarithm, since durations
    spread over orders of magnitude. Its upper quantile is kept honest by adaptive conformal inference.
    """

    def __init__(self, model_id: str = "online-duration") -> None:
        super().__init__(model_id)
        self.regressor = OnlineRegressor()
        self.upper = AdaptiveConformal(UPPER)

    def train(self, data: Sequence[WorkloadDataPoint]) -> dict[str, float] | bool:
        """Starts anew, oldest first."""
        self.regressor, self.upper = OnlineRegressor(), AdaptiveConformal(UPPER)
        errors = self._taken(data)
        if not errors:
            return False
        late = errors[-max(len(errors) // 4, 1) :]
        within = sum(abs(error) < math.log(2) for error in late) / len(late)
        return {"jobs": float(len(errors)), "within_factor_two": within}

    def learn(self, points: Iterable[WorkloadDataPoint], reset: bool = False) -> None:
        """Takes new outcomes; with *reset* they are all that there is, and the next `train` will say so."""
        if not reset:
            self._taken(points)

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """`{"expected_duration": ms}`, with an upper quantile."""
        known = _known(input_data)
        if not known:
            return Abstained(reason="nothing is known of it beforehand; give the features that were recorded")
        log_ms = self.regressor.predict(known)
        quantiles = {"0.5": _ms(log_ms), f"{UPPER:g}": max(_ms(self.upper.upper(log_ms)), _ms(log_ms))}
        return PredictionResult(
            {"expected_duration": _ms(log_ms)}, 0.5, self.model_id, {"unit": "ms"}, quantiles
        )

    def _taken(self, points: Iterable[WorkloadDataPoint]) -> list[float]:
        errors = []
        for point in points:
            known = _known(point.features)
            if not known or not point.success or not point.duration > 0:
                continue
            actual = math.log(max(point.duration, 1.0))
            self.upper.update(self.regressor.predict(known), actual)
            errors.append(self.regressor.update(known, actual))
        return errors


def _known(features: Any) -> dict[str, Any]:
    """Features as they are learned from; amounts on a logarithmic scale as well, which durations often follow."""
    if not isinstance(features, dict):
        return {}
    known: dict[str, Any] = {}
    for name, value in features.items():
        if isinstance(value, str | bool):
            known[name] = value
        elif isinstance(value, int | float) and math.isfinite(value):
            known[name] = value
            if value > 0:
                known[f"log {name}"] = math.log(value)
    return known


def _ms(log_ms: float) -> float:
    return math.exp(min(max(log_ms, 0.0), 40.0))

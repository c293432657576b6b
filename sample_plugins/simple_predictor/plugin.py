"""Predicts from plain averages of history: how long, how surely, and with what resources.

A `BaseMLModel` is a whole plugin: the SDK trains it on history, asks it, and abstains for it until then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from plugin_sdk import BaseMLModel, PredictionResult, WorkloadDataPoint

BASE_SIZE = 100.0  # the workload_size that the averages stand for
FULL_CONFIDENCE_POINTS = 100


class SimplePredictor(BaseMLModel):
    """Averages over all points; amounts grow in proportion to `workload_size`."""

    def __init__(self, model_id: str = "simple-predictor") -> None:
        super().__init__(model_id)
        self.duration_ms = 0.0
        self.success_rate = 0.0
        self.resources: dict[str, float] = {}
        self.confidence = 0.0

    def train(self, data: Sequence[WorkloadDataPoint]) -> None:
        """Takes the averages.

        Raises:
            ValueError: There are fewer than 10 points.
        """
        if not self.validate_training_data(data):
            raise ValueError(f"{len(data)} points are too few to train on; give at least 10")
        usage: dict[str, list[float]] = defaultdict(list)
        for point in data:
            for name, amount in point.resource_usage.items():
                usage[name].append(amount)
        self.duration_ms = sum(point.duration for point in data) / len(data)
        self.success_rate = sum(point.success for point in data) / len(data)
        self.resources = {name: sum(amounts) / len(amounts) for name, amounts in usage.items()}
        # The share of history that the average comes within a factor of two of: an average of durations from
        # seconds to days should not be as sure of itself as one of durations that are all alike.
        near = sum(self.duration_ms / 2 <= point.duration <= self.duration_ms * 2 for point in data)
        self.confidence = near / len(data) * min(1.0, len(data) / FULL_CONFIDENCE_POINTS)
        self.training_metadata = {"data_points": len(data), "resources": sorted(self.resources)}
        self.is_trained = True

    def predict(self, input_data: dict[str, Any]) -> PredictionResult:
        """What a workload of `workload_size` (100 when not given) will take.

        Returns:
            expected_duration in ms, success_probability in [0, 1], recommended_resources by name in the
            units of the history.

        Raises:
            RuntimeError: It has not been trained. ValueError: workload_size is no number of 0 or more.
        """
        if not self.is_trained:
            raise RuntimeError("the model has not been trained; call train() first")
        size = input_data.get("workload_size", BASE_SIZE)
        if isinstance(size, bool) or not isinstance(size, int | float) or not 0 <= size < float("inf"):
            raise ValueError(f"workload_size is {size!r}; give a number of 0 or more")
        scale = size / BASE_SIZE
        return PredictionResult(
            {
                "expected_duration": self.duration_ms * scale,
                "success_probability": self.success_rate,
                "recommended_resources": {name: amount * scale for name, amount in self.resources.items()},
            },
            self.confidence,
            self.model_id,
            {"scale": scale, **self.training_metadata},
        )

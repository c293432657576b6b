"""Recommends resources for a workload: per request type the medians of what succeeded.

The two halves of the seed's design: a model (`train`, `predict`) and the plugin around it, which takes the
configuration and answers requests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from plugin_sdk import (
    Abstained,
    BaseMLModel,
    MLPluginInterface,
    PluginMetadata,
    PredictionResult,
    WorkloadDataPoint,
)
from plugin_sdk.contract.messages import TrainReply

BASE_SIZE = 100.0  # the workload_size that the medians stand for
FULL_CONFIDENCE_POINTS = 50


class ResourceModel(BaseMLModel):
    """Medians by request type; a type that was hardly seen gets the average over the types that were."""

    def __init__(self, model_id: str = "resource-model") -> None:
        super().__init__(model_id)
        self.fewest = 3
        self.by_type: dict[str, dict[str, Any]] = {}

    def train(self, data: Sequence[WorkloadDataPoint]) -> TrainReply:
        """Takes the medians of the successful points of each type.

        Raises:
            ValueError: There are fewer than 10 points.
        """
        if not self.validate_training_data(data):
            raise ValueError(f"{len(data)} points are too few to train on; give at least 10")
        all_points: dict[str, list[WorkloadDataPoint]] = defaultdict(list)
        for point in data:
            all_points[point.request_type].append(point)
        by_type: dict[str, dict[str, Any]] = {}
        for kind, points in all_points.items():
            good = [point for point in points if point.success]
            if len(good) < self.fewest:
                continue
            usage: dict[str, list[float]] = defaultdict(list)
            for point in good:
                for name, amount in point.resource_usage.items():
                    usage[name].append(amount)
            middle = median(point.duration for point in good)
            near = sum(middle / 2 <= point.duration <= middle * 2 for point in good) / len(good)
            by_type[kind] = {
                "resources": {name: median(amounts) for name, amounts in usage.items()},
                "duration": middle,
                "success": len(good) / len(points),
                # How often the median would have been right within a factor of two, less when little was seen.
                "confidence": near * min(1.0, len(good) / FULL_CONFIDENCE_POINTS),
            }
        if not by_type:
            return TrainReply(False, len(data), f"no request type has {self.fewest} successful points yet")
        self.by_type = by_type
        self.training_metadata = {"data_points": len(data), "request_types": sorted(self.by_type)}
        self.is_trained = True
        return TrainReply(True, len(data))

    def predict(self, input_data: dict[str, Any]) -> PredictionResult:
        """What a workload of `request_type` and `workload_size` (100 when not given) does best with.

        Returns:
            optimal_resources by name in the units of the history, expected_duration in ms,
            success_probability in [0, 1].

        Raises:
            RuntimeError: It has not been trained. ValueError: workload_size is no number of 0 or more.
        """
        if not self.is_trained:
            raise RuntimeError("the model has not been trained; call train() first")
        size = input_data.get("workload_size", BASE_SIZE)
        if isinstance(size, bool) or not isinstance(size, int | float) or not 0 <= size < float("inf"):
            raise ValueError(f"workload_size is {size!r}; give a number of 0 or more")
        kind = input_data.get("request_type", input_data.get("type"))
        known = self.by_type.get(kind) if isinstance(kind, str) else None
        seen = known or average(list(self.by_type.values()))
        scale = size / BASE_SIZE
        return PredictionResult(
            {
                "optimal_resources": {name: amount * scale for name, amount in seen["resources"].items()},
                "expected_duration": seen["duration"] * scale,
                "success_probability": seen["success"],
            },
            seen["confidence"] if known else seen["confidence"] * 0.5,
            self.model_id,
            {"based_on": kind if known else "average over types", "scale": scale},
        )


def average(seen: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over request types, each counting once; a resource over the types that use it."""
    names = sorted({name for each in seen for name in each["resources"]})
    return {
        "resources": {
            name: fmean(each["resources"][name] for each in seen if name in each["resources"])
            for name in names
        },
        "duration": fmean(each["duration"] for each in seen),
        "success": fmean(each["success"] for each in seen),
        "confidence": min(each["confidence"] for each in seen),
    }


class ResourceOptimizer(MLPluginInterface):
    """Answers requests with the model's recommendation."""

    def __init__(self) -> None:
        metadata = PluginMetadata(
            name="resource-optimizer",
            version="1.0.0",
            description="Recommends resources per request type from what succeeded before",
            supported_types=["ml-driven"],
        )
        self.resource_model = ResourceModel()
        super().__init__(metadata, self.resource_model)

    def init(self, config: dict[str, Any] | None = None) -> None:
        """Takes the manifest's `[config]` with the operator's settings over it."""
        super().init(config)
        self.resource_model.fewest = int(self.config.get("fewest", 3))

    def predict(self, input_data: dict[str, Any]) -> PredictionResult | Abstained:
        """The model's recommendation, once there is one."""
        if not self.resource_model.is_trained:
            return Abstained(reason="not trained yet: 10 points, some of them successful, are needed")
        return self.resource_model.predict(input_data)

    def optimize(
        self, request_data: dict[str, Any], historical_data: Sequence[WorkloadDataPoint] | None = None
    ) -> dict[str, Any] | Abstained:
        """The recommendation for a workload; it says no to packing, which it does not do."""
        model = self.resource_model
        if "items" in request_data:
            return Abstained(reason="it recommends amounts; it packs nothing")
        if not model.is_trained and model.validate_training_data(historical_data):
            model.train(historical_data or [])
        found = self.predict(request_data)
        if isinstance(found, Abstained):
            return found
        return {
            "success": True,
            "result": found.prediction,
            "confidence": found.confidence,
            "model_id": found.model_id,
        }

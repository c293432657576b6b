"""A plugin written for the seed system's SDK, with nothing changed but its import line."""

from __future__ import annotations


def test_a_plugin_written_for_the_seed_runs_with_its_import_line_changed(start) -> None:
    plugin = start(
        """
        from typing import Any, Dict, List, Optional
        from plugin_sdk import (
            BaseMLModel, MLPluginInterface, PluginMetadata, PredictionResult, WorkloadDataPoint
        )

        class AverageModel(BaseMLModel):
            def __init__(self, model_id: str = "average"):
                super().__init__(model_id)
                self.averages: Dict[str, float] = {}

            def train(self, data: List[WorkloadDataPoint]) -> None:
                if not self.validate_training_data(data):
                    raise ValueError("Insufficient training data")
                features, labels = self.preprocess_data(data)
                assert len(features) == len(labels)
                by_type: Dict[str, List[float]] = {}
                for point in data:
                    by_type.setdefault(point.request_type, []).append(point.duration)
                self.averages = {name: sum(d) / len(d) for name, d in by_type.items()}
                self.is_trained = True
                self.training_metadata = {"data_points": len(data)}

            def predict(self, input_data: Dict[str, Any]) -> PredictionResult:
                if not self.is_trained:
                    return PredictionResult({"duration": 0}, 0.0, self.model_id, {"trained": False})
                return PredictionResult({"duration": self.averages[input_data["type"]]}, 0.8, self.model_id)

        class AveragePlugin(MLPluginInterface):
            def __init__(self, config: Optional[Dict[str, Any]] = None):
                metadata = PluginMetadata("average", "1.0.0", "Averages", supported_types=["resource"])
                super().__init__(metadata, AverageModel())

            def init(self, config=None):
                super().init(config)
                self.scale = self.config.get("scale", 1)

            def optimize(self, request_data, historical_data=None):
                result = self.predict(request_data)
                seen = len(historical_data) if historical_data else 0
                return {
                    "success": True,
                    "result": {"duration": result.prediction["duration"] * self.scale, "seen": seen},
                    "confidence": result.confidence,
                    "model_id": result.model_id,
                }
        """,
        "plugin:AveragePlugin",
        ready=False,
    )
    declared = plugin.initialize(config={"scale": 10})["result"]
    assert declared["handles"] == ["resource"]
    assert declared["modelId"] == "average"
    assert declared["capabilities"]["optimize"] == {"history": True}
    points = [
        {
            "timestamp": n,
            "requestType": "resource",
            "resourceUsage": {"cpu": 1},
            "duration": n,
            "success": True,
        }
        for n in range(10)
    ]
    assert plugin.call(1, "train", points=points)["result"] == {"trained": True, "size": 10}
    assert plugin.call(2, "learn", points=points[:4])["result"] == {"accepted": 4}
    answer = plugin.call(3, "optimize", type="resource", data={"type": "resource"})["result"]
    assert answer == {"result": {"duration": 45.0, "seen": 4}, "confidence": 0.8, "modelId": "average"}
    assert plugin.call(4, "optimize", type="scheduling", data={})["result"]["abstained"] is True
    info = plugin.call(5, "describe")["result"]
    assert info["plugin"]["supported_types"] == ["resource"]
    assert info["model"]["training_metadata"] == {"data_points": 10}
    assert info["is_initialized"] is True

"""A whole plugin in the style of the seed system's SDK: only the import line is this project's."""

from plugin_sdk import BaseMLModel, MLPluginInterface, PluginMetadata, PredictionResult, WorkloadDataset


class DurationModel(BaseMLModel):
    """Mean duration by request type, and the share of successes."""

    def __init__(self, model_id="duration-model"):
        super().__init__(model_id)
        self.means = {}
        self.success_rates = {}
        self.default = 0.0

    def train(self, data):
        if not self.validate_training_data(data):
            raise ValueError("Not enough training data")
        features, labels = self.preprocess_data(data)
        dataset = WorkloadDataset(list(data))
        statistics = dataset.get_statistics()
        for request_type, summary in statistics["by_type"].items():
            self.means[request_type] = summary["avg_duration"]
            self.success_rates[request_type] = summary["success_rate"]
        self.default = statistics["avg_duration"]
        self.is_trained = True
        self.training_metadata = {"size": len(features), "positives": sum(labels)}

    def predict(self, input_data):
        if not self.is_trained:
            return PredictionResult(
                prediction=None, confidence=0.0, model_id=self.model_id, metadata={"trained": False}
            )
        request_type = input_data.get("request_type", input_data.get("requestType"))
        scale = input_data.get("workload_size", 100) / 100
        return PredictionResult(
            prediction={
                "expected_duration": self.means.get(request_type, self.default) * scale,
                "success_probability": self.success_rates.get(request_type, 0.5),
            },
            confidence=0.8 if request_type in self.means else 0.3,
            model_id=self.model_id,
            metadata={"request_type": request_type},
        )


class QueueAdvisor(MLPluginInterface):
    """Answers one-task requests by the least load, and predictions by its model."""

    def init(self, config=None):
        super().init(config)
        self.safety = self.config.get("safety", 1.0)
        self.recent = 0

    def optimize(self, request_data, historical_data=None):
        if not self.is_initialized:
            return {"success": False, "error": "Plugin not initialized"}
        if "task" not in request_data or "nodes" not in request_data:
            return {"success": False, "error": "only one-task requests"}
        recent = WorkloadDataset(list(historical_data or [])).get_recent(50).filter_by_type("scheduling")
        self.recent = len(recent)
        task = request_data["task"]

        def load_after(node):
            cpu = node["cpuLoad"] + task["cpuRequired"]
            memory = node["memoryLoad"] + task["memoryRequired"]
            return (cpu > 100 or memory > 100, cpu + memory)

        best = min(request_data["nodes"], key=load_after)
        return {
            "success": True,
            "result": {"nodeId": best["id"]},
            "confidence": 0.9,
            "model_id": self.model.model_id,
            "recent": len(recent),
        }

    def predict(self, input_data):
        result = super().predict(input_data)
        if result.prediction is None:
            return None
        result.prediction["expected_duration"] *= self.safety
        return result

    def shutdown(self):
        super().shutdown()


def create_plugin():
    """What the seed system called to make a plugin."""
    metadata = PluginMetadata(
        name="queue-advisor",
        version="1.0.0",
        description="Advises on scheduling",
        author="An author",
        supported_types=["scheduling", "ml-driven"],
    )
    return QueueAdvisor(metadata, DurationModel())

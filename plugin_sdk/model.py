"""The model an author writes: learn from history, predict from an input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.dataset import features_and_labels

MIN_TRAINING_POINTS = 10


class PredictionResult(msgspec.Struct):
    """A prediction, and what its maker thinks of it.

    Fields:
        prediction: Any JSON value; numpy's scalars and arrays will do.
        confidence: In [0, 1].
        model_id: Left out, it is the model's own.
        metadata: Free.
        quantiles: Level (as text, e.g. "0.9") to value, same unit as `prediction`.
    """

    prediction: Any
    confidence: float | None = None
    model_id: str | None = None
    metadata: dict[str, Any] | None = None
    quantiles: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the seed's callers read it."""
        return {
            "prediction": self.prediction,
            "confidence": self.confidence,
            "model_id": self.model_id,
            "metadata": self.metadata or {},
        }


class BaseMLModel(ABC):
    """A model: a subclass with `train` and `predict` is a whole plugin.

    Attributes:
        model_id: How answers name it. A class that does not override `__init__` gets its plugin's name.
        is_trained: The SDK sets it after a `train` that did not raise, should `train` not do so itself.
        training_metadata: Free; shown by `get_metadata`.
        min_training_points: The fewest points `train` is called with; a subclass may set its own.
        trains_on_columns: Set it to True and `train` gets all of the history, as columns that it shares with the
            host, instead of the latest points: `data.array(...)`, `FeatureBuilder.table(data)`. Without `metadata`.
        learns_on_columns: The same for `learn`, where there are many points at once; a few come as points.
    """

    min_training_points: ClassVar[int] = MIN_TRAINING_POINTS
    trains_on_columns: ClassVar[bool] = False
    learns_on_columns: ClassVar[bool] = False

    model_id: str
    is_trained: bool
    training_metadata: dict[str, Any]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> BaseMLModel:
        # Here and not in __init__, so that a subclass that forgets super().__init__() is whole all the same.
        model = super().__new__(cls)
        model.model_id = cls.__name__
        model.is_trained = False
        model.training_metadata = {}
        return model

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id

    @abstractmethod
    def train(self, data: Sequence[WorkloadDataPoint]) -> Any:
        """Learns from history, oldest first. Called on a copy, in a thread of its own; the old one serves on.

        Args:
            data: A `WorkloadDataset`: a sequence of points, with filters and columns.

        Returns:
            Nothing, or a mapping of named figures of merit; `False` when it learned nothing.
        """

    @abstractmethod
    def predict(self, input_data: dict[str, Any]) -> Any:
        """A `PredictionResult` for one input. A plain number or mapping is wrapped; `None` or `Abstained` says no."""

    def get_metadata(self) -> dict[str, Any]:
        """What is known about the model."""
        return {
            "model_id": self.model_id,
            "is_trained": self.is_trained,
            "training_metadata": self.training_metadata,
        }

    def validate_training_data(self, data: Sequence[WorkloadDataPoint] | None) -> bool:
        """Whether there is enough to learn from: `min_training_points` points or more."""
        return data is not None and len(data) >= max(self.min_training_points, 1)

    def preprocess_data(self, data: Sequence[WorkloadDataPoint]) -> tuple[list[list[float]], list[int]]:
        """Rows of numbers and labels; see `plugin_sdk.dataset.features_and_labels`."""
        return features_and_labels(data)


def result_from_mapping(value: Mapping[str, Any]) -> PredictionResult | None:
    """A mapping in the form of `PredictionResult.to_dict`; `None` when it is some other mapping."""
    if "prediction" not in value or not value.keys() <= _RESULT_MEMBERS:
        return None
    return PredictionResult(
        value["prediction"],
        value.get("confidence"),
        value.get("model_id", value.get("modelId")),
        value.get("metadata"),
        value.get("quantiles"),
    )


_RESULT_MEMBERS = frozenset({"prediction", "confidence", "model_id", "modelId", "metadata", "quantiles"})

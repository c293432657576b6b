"""The seed's whole-plugin class: a model with a name, a configuration and an `optimize` around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec

from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.model import BaseMLModel


class PluginMetadata(msgspec.Struct):
    """Who a plugin is. Without `supported_types` it takes every request type its manifest names."""

    name: str
    version: str
    description: str
    author: str | None = None
    supported_types: list[str] | None = None


class MLPluginInterface(ABC):
    """A plugin around a model.

    Attributes:
        config: What `init` was given.
        is_initialized: Between `init` and `shutdown`.
    """

    def __init__(self, metadata: PluginMetadata, model: BaseMLModel) -> None:
        self.metadata = metadata
        self.model = model
        self.is_initialized = False
        self.config: dict[str, Any] = {}

    def init(self, config: dict[str, Any] | None = None) -> Any:
        """Takes the configuration; called once, before anything is asked."""
        self.config = dict(config or {})
        self.is_initialized = True

    def can_handle(self, request_type: str) -> bool:
        """Whether it takes requests of this type."""
        return not self.metadata.supported_types or request_type in self.metadata.supported_types

    @abstractmethod
    def optimize(
        self, request_data: dict[str, Any], historical_data: Sequence[WorkloadDataPoint] | None = None
    ) -> Any:
        """Answers a request.

        Args:
            request_data: The request's `data`.
            historical_data: Recent points, oldest first, as a `WorkloadDataset`; it may be empty.

        Returns:
            `{"success": bool, "result": ..., "confidence": ..., "model_id": ...}`, or a plain result.
        """

    def train_model(self, data: Sequence[WorkloadDataPoint]) -> Any:
        """Trains the model.

        Raises:
            RuntimeError: Before `init`.
        """
        if not self.is_initialized:
            raise RuntimeError(f"plugin {self.metadata.name} is not initialized; call init() first")
        return self.model.train(data)

    def predict(self, input_data: dict[str, Any]) -> Any:
        """Asks the model."""
        return self.model.predict(input_data)

    def get_info(self) -> dict[str, Any]:
        """Plugin and model, for display."""
        return {
            "plugin": {
                "name": self.metadata.name,
                "version": self.metadata.version,
                "description": self.metadata.description,
                "author": self.metadata.author,
                "supported_types": self.metadata.supported_types or [],
            },
            "model": self.model.get_metadata(),
            "is_initialized": self.is_initialized,
        }

    def shutdown(self) -> Any:
        """Lets go of what it holds; nothing is asked afterwards."""
        self.is_initialized = False

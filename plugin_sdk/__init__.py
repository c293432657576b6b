"""What a plugin's author writes against, and what runs it.

`from plugin_sdk import BaseMLModel, PredictionResult` is enough for a plugin; `__all__` is the promise. Names
are imported when first used, so that `import plugin_sdk` costs next to nothing and needs msgspec alone.
Knows nothing of the host. Rooms: contract, protocol, runner, testing. Start reading at: model.py, then handlers.py.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin_sdk.context import CallContext
    from plugin_sdk.contract.messages import Abstained
    from plugin_sdk.contract.workload import WorkloadDataPoint
    from plugin_sdk.dataset import WorkloadDataset
    from plugin_sdk.features import FeatureBuilder
    from plugin_sdk.interface import MLPluginInterface, PluginMetadata
    from plugin_sdk.model import BaseMLModel, PredictionResult
    from plugin_sdk.roles import Optimizer, Predictor, Scorer

__version__ = "0.1.0"

__all__ = [
    "Abstained",
    "BaseMLModel",
    "CallContext",
    "FeatureBuilder",
    "MLPluginInterface",
    "Optimizer",
    "PluginMetadata",
    "PredictionResult",
    "Predictor",
    "Scorer",
    "WorkloadDataPoint",
    "WorkloadDataset",
    "__version__",
]

_HOMES = {
    "Abstained": "plugin_sdk.contract.messages",
    "BaseMLModel": "plugin_sdk.model",
    "CallContext": "plugin_sdk.context",
    "FeatureBuilder": "plugin_sdk.features",
    "MLPluginInterface": "plugin_sdk.interface",
    "Optimizer": "plugin_sdk.roles",
    "PluginMetadata": "plugin_sdk.interface",
    "PredictionResult": "plugin_sdk.model",
    "Predictor": "plugin_sdk.roles",
    "Scorer": "plugin_sdk.roles",
    "WorkloadDataPoint": "plugin_sdk.contract.workload",
    "WorkloadDataset": "plugin_sdk.dataset",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'plugin_sdk' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(home), name)
    globals()[name] = value  # the next use is an ordinary attribute
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

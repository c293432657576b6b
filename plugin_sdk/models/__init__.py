"""Models that are ready to use: import a class, or name it as a plugin's entry.

Each is a plugin by itself (`BaseMLModel`, or an object with `score` or `optimize`), small enough to read, with its source
in its docstring. numpy and scikit-learn are imported by the modules that need them, and only there.
Knows nothing of the runner. May import: fast, online, calibration and the SDK's modules. Start reading at: seasonal.py.
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "AnomalyDetector": "anomaly",
    "DemandQuantiles": "demand",
    "GaussianProcessTuner": "tuner",
    "HoltWinters": "seasonal",
    "OnlineDuration": "duration",
    "QueueBandit": "bandit",
    "RunTimeForest": "runtime",
    "SeasonalNaive": "seasonal",
}

__all__ = [
    "AnomalyDetector",
    "DemandQuantiles",
    "GaussianProcessTuner",
    "HoltWinters",
    "OnlineDuration",
    "QueueBandit",
    "RunTimeForest",
    "SeasonalNaive",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(
            f"module 'plugin_sdk.models' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    value = getattr(import_module(f"plugin_sdk.models.{home}"), name)
    globals()[name] = value
    return value

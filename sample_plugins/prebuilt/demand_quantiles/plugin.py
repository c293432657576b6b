"""Quantiles of demand ahead by gradient boosting, calibrated on the end of the history: a model of the SDK as a plugin."""

import sklearn.ensemble  # noqa: F401 - named here, so that the host forks this from a parent that has it loaded

from plugin_sdk.models import DemandQuantiles  # noqa: F401 - the entry

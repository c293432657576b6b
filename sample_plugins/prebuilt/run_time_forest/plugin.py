"""Run times of jobs from their users' past, with quantiles; microseconds a call: a model of the SDK as a plugin."""

import sklearn.ensemble  # noqa: F401 - named here, so that the host forks this from a parent that has it loaded

from plugin_sdk.models import RunTimeForest  # noqa: F401 - the entry

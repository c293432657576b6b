"""Suggests which parameters to try next: the SDK's Gaussian-process tuner as a plugin."""

import sklearn.gaussian_process  # noqa: F401 - named here, so that the host forks this from a parent that has it loaded

from plugin_sdk.models import GaussianProcessTuner as GPTuner  # noqa: F401 - the entry

"""Durations from whatever is known beforehand, learned from each outcome as it comes: a model of the SDK as a plugin."""

from plugin_sdk.models import OnlineDuration  # noqa: F401 - the entry

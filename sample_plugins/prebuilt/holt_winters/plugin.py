"""Forecasts usage by level, damped trend and season: a model of the SDK as a plugin."""

from plugin_sdk.models import HoltWinters  # noqa: F401 - the entry

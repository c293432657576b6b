"""Forecasts usage as what it was one period ago: a model of the SDK as a plugin."""

from plugin_sdk.models import SeasonalNaive  # noqa: F401 - the entry

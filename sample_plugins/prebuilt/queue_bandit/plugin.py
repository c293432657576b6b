"""Chooses, queue by queue, which of six rules orders it, and learns from what came of it: a model of the SDK as a plugin."""

from plugin_sdk.models import QueueBandit  # noqa: F401 - the entry

"""Says how unusual a finished piece of work is beside others of its type: a model of the SDK as a plugin."""

from plugin_sdk.models import AnomalyDetector  # noqa: F401 - the entry

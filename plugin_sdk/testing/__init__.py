"""Drives plugins in tests: in process, through the same handlers as the runner.

Knows nothing of pytest, processes or the host. May import: contract and the SDK's modules.
Start reading at: harness.py.
"""

from plugin_sdk.testing.folder import load_folder
from plugin_sdk.testing.harness import PluginHarness

__all__ = ["PluginHarness", "load_folder"]

"""Drives plugins in tests: in process through the same handlers as the runner, or as processes in any language.

Knows nothing of the host; of pytest only where one of its functions is called. May import: contract, protocol, runner
and the SDK's modules. Start reading at: harness.py, then running.py.
"""

from plugin_sdk.testing.conformance import Fault, Outcome, Report
from plugin_sdk.testing.folder import load_folder
from plugin_sdk.testing.harness import PluginHarness
from plugin_sdk.testing.running import PluginWarning, parametrize_with_checks, run

__all__ = [
    "Fault",
    "Outcome",
    "PluginHarness",
    "PluginWarning",
    "Report",
    "load_folder",
    "parametrize_with_checks",
    "run",
]

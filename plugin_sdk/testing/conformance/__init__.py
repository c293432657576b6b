"""The conformance kit: what every plugin, in any language, must do, as a table of checks.

A check talks to the plugin over a `Channel` and knows nothing of how it was started: in process, as a process, in
the host's sandbox. Knows nothing of pytest or the host. May import: contract, protocol, the SDK's modules.
Start reading at: table.py, then kit.py.
"""

from plugin_sdk.testing.conformance.kit import Kit
from plugin_sdk.testing.conformance.report import Fault, Outcome, Report
from plugin_sdk.testing.conformance.table import CHECKS, Check, run_checks

__all__ = ["CHECKS", "Check", "Fault", "Kit", "Outcome", "Report", "run_checks"]

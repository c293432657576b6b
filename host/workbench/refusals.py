"""Why a plugin is not gone on with: this machine, its sandbox, or what it does."""

from __future__ import annotations

from host.sandbox.refusals import RefusedError
from plugin_sdk.testing.channel import EndedError
from plugin_sdk.testing.conformance import Fault

REFUSALS = (RefusedError, EndedError, Fault)

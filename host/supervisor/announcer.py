"""What one version of a plugin says of itself: each move in the log, and as an event while its name stands for it."""

from __future__ import annotations

import logging
from typing import Literal

from host.registry.entry import PluginEntry
from host.supervisor.lifecycle import PluginState
from host.supervisor.surroundings import Surroundings

log = logging.getLogger(__name__)

UNWELL = (PluginState.BACKOFF, PluginState.QUARANTINED, PluginState.DEGRADED)


class Announcer:
    """Used by its keeper alone.

    Attributes:
        staged: It comes up beside the version that serves, so its moves are no events yet.
        silent: Another has its name now, so they are none any more.
    """

    def __init__(self, around: Surroundings, entry: PluginEntry, staged: bool) -> None:
        self.staged = staged
        self.silent = False
        self._around = around
        self._entry = entry

    def moved(self, was: PluginState, now: PluginState, why: str) -> None:
        """It went from one state to the next."""
        detail = {"was": was.value, "now": now.value, "why": why}
        version = self._entry.manifest.version
        log.log(
            logging.WARNING if now in UNWELL else logging.INFO,
            "plugin.state_changed",
            extra={"plugin": self._entry.name, "version": version, "staged": self.staged, **detail},
        )
        if not self.staged and not self.silent:
            self._publish("plugin:state", detail)

    def error(self, detail: dict[str, str]) -> None:
        """Something of it failed. Of a staged version this is told too: an operator waits for it."""
        self._publish(
            "plugin:error", {**detail, "staged": self._entry.manifest.version} if self.staged else detail
        )

    def _publish(self, topic: Literal["plugin:state", "plugin:error"], detail: dict[str, str]) -> None:
        self._around.registry.events.publish(topic, self._entry.name, self._around.clock.wall_ms(), detail)

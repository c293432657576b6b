"""The life of a plugin as a table.

Theory of operation. A folder is DISCOVERED; its manifest is read while VERIFYING; its process runs from STARTING
on, is handed its history while WARMING, and can be asked while READY (or DEGRADED: it can be asked, but something
of it is weaker than it should be: a method it is not asked any more because it kept failing at it, or a new version in
its folder that did not come up). A process that ends unasked sends it to BACKOFF, from where it is started
again after a while; too many starts in too short a time, or a plugin that cannot be loaded at all, send it to
QUARANTINED, where it waits for an operator, for its folder to change, or for the slow retry. STOPPING and STOPPED
are what was asked for. docs/reference/states.md is drawn from this table.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class PluginState(enum.Enum):
    """Where a plugin is in its life."""

    DISCOVERED = "discovered"
    VERIFYING = "verifying"
    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    DEGRADED = "degraded"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"

    @property
    def can_be_asked(self) -> bool:
        """Whether calls go to it."""
        return self in (PluginState.READY, PluginState.DEGRADED)

    @property
    def is_settled(self) -> bool:
        """Whether it stays so until something happens to it: it came up, failed to, or was stopped."""
        return self.can_be_asked or self in (
            PluginState.BACKOFF,
            PluginState.STOPPED,
            PluginState.QUARANTINED,
        )

    @property
    def is_under_way(self) -> bool:
        """Whether a process runs that is to stay, or is about to be started."""
        return self.can_be_asked or self in (
            PluginState.VERIFYING,
            PluginState.STARTING,
            PluginState.WARMING,
        )


class Event(enum.Enum):
    """What moves it on."""

    START_WANTED = "startWanted"
    VERIFIED = "verified"
    REFUSED = "refused"
    INITIALIZED = "initialized"
    LOAD_FAILED = "loadFailed"
    WARMED = "warmed"
    WEAKENED = "weakened"
    RECOVERED = "recovered"
    PROCESS_EXITED = "processExited"
    RETRY_DUE = "retryDue"
    INTENSITY_SPENT = "intensitySpent"
    STOP_WANTED = "stopWanted"


S, E = PluginState, Event

TRANSITIONS: Mapping[PluginState, Mapping[Event, PluginState]] = {
    S.DISCOVERED: {E.START_WANTED: S.VERIFYING, E.STOP_WANTED: S.STOPPED},
    S.VERIFYING: {E.VERIFIED: S.STARTING, E.REFUSED: S.QUARANTINED, E.STOP_WANTED: S.STOPPED},
    S.STARTING: {
        E.INITIALIZED: S.WARMING,
        E.LOAD_FAILED: S.QUARANTINED,
        E.PROCESS_EXITED: S.BACKOFF,
        E.INTENSITY_SPENT: S.QUARANTINED,
        E.STOP_WANTED: S.STOPPING,
    },
    S.WARMING: {
        E.WARMED: S.READY,
        E.PROCESS_EXITED: S.BACKOFF,
        E.INTENSITY_SPENT: S.QUARANTINED,
        E.STOP_WANTED: S.STOPPING,
    },
    S.READY: {
        E.WEAKENED: S.DEGRADED,
        E.PROCESS_EXITED: S.BACKOFF,
        E.INTENSITY_SPENT: S.QUARANTINED,
        E.STOP_WANTED: S.STOPPING,
    },
    S.DEGRADED: {
        E.WEAKENED: S.DEGRADED,
        E.RECOVERED: S.READY,
        E.PROCESS_EXITED: S.BACKOFF,
        E.INTENSITY_SPENT: S.QUARANTINED,
        E.STOP_WANTED: S.STOPPING,
    },
    S.BACKOFF: {E.RETRY_DUE: S.VERIFYING, E.START_WANTED: S.VERIFYING, E.STOP_WANTED: S.STOPPED},
    S.STOPPING: {E.PROCESS_EXITED: S.STOPPED},
    S.STOPPED: {E.START_WANTED: S.VERIFYING},
    S.QUARANTINED: {E.RETRY_DUE: S.VERIFYING, E.START_WANTED: S.VERIFYING, E.STOP_WANTED: S.STOPPED},
}


class IllegalTransitionError(RuntimeError):
    """A bug of the host: an event came in a state whose row does not have it."""


def after(state: PluginState, event: Event) -> PluginState:
    """The next state.

    Raises:
        IllegalTransitionError: The table has no such step.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransitionError(
            f"{event.value} cannot happen to a plugin that is {state.value}"
        ) from None

"""One plugin in the registry: its manifest, the operator's settings, and who answers for it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from host.errors import PluginGoneError
from host.registry.following import LogMark, LogNews
from host.registry.learning import Learning, Restored
from host.registry.settings import Settings as Settings
from host.registry.settings import SettingsChange
from host.registry.view import PluginView
from host.rpc.breaker import Breakers
from plugin_sdk.contract.manifest import Manifest
from plugin_sdk.contract.messages import Capability
from plugin_sdk.contract.training import policy_over

# These have a limit of their own, a longer one, which whoever asks for them has applied.
TEACHING = frozenset({"train", "learn", "adopt"})
_LONG = TEACHING | {"backtest", "save"}  # the same, and what it answers stays as it is

_PROCESSES = itertools.count(1)  # a changed folder has a new entry, whose epochs start at 1 again


class Caller(Protocol):
    """A process of a plugin that can be called; `host.rpc.PluginClient` is one."""

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw: ...


class Keeper(Protocol):
    """Who keeps one plugin alive: does what operators ask and says how it stands."""

    def view(self) -> PluginView: ...

    def logs(self, limit: int) -> list[str]: ...

    def log_news(self, mark: LogMark | None) -> LogNews: ...

    async def enable(self) -> None: ...

    async def disable(self) -> None: ...

    async def restart(self) -> None: ...

    async def configure(self, change: SettingsChange) -> None:
        """Lays an operator's word over what holds, keeps it for later hosts, and acts on it at once.

        Raises:
            ProblemError: One of the limits cannot be used; nothing was changed.
            SettingsNotKeptError: It holds, but could not be written down.
        """
        ...


class PluginEntry:
    """Askable while `caller` is set, which the keeper does and undoes. See `Askable`.

    Attributes:
        limits: What it was granted: what its manifest asks for, until the keeper cuts it at the host's ceiling.
        breakers: Which methods it is not asked for a while, over all its processes; its client looks there.
        successor: The entry that took its name; whoever still holds this one is passed on.
    """

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self.manifest = manifest
        self.settings = settings
        self.breakers = Breakers()
        self.successor: PluginEntry | None = None
        self.caller: Caller | None = None
        self.keeper: Keeper | None = None
        self.limits = manifest.limits
        self.epoch = 0
        self.trained_points = 0
        self.learning = Learning(policy_over(manifest.training, settings.training))
        self.restored: Restored | None = None  # what the process that runs knew when it came up
        self.folder: Path | None = None
        self.fits = ""  # by what a saved state fits the process that runs
        self._process = 0
        self.lessons = 0  # trainings and batches of outcomes it was given, over all its processes
        self._capabilities: Mapping[str, Capability] = {}
        self._handles: frozenset[str] = frozenset(manifest.handles)

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def by(self) -> str:
        return self.manifest.by

    @property
    def priority(self) -> int:
        return self.manifest.priority if self.settings.priority is None else self.settings.priority

    @property
    def capabilities(self) -> Mapping[str, Capability]:
        return self._capabilities

    @property
    def config(self) -> dict[str, Any]:
        """The manifest's, with the operator's laid over it key by key."""
        return {**self.manifest.config, **self.settings.config}

    @property
    def state(self) -> Hashable:
        """See `Askable.state`."""
        breakers = self.breakers.changes
        return (self.by, self._process, self.lessons, self.priority, repr(self.settings.config), breakers)

    def handles(self, request_type: str) -> bool:
        """Whether it is asked about requests of this type."""
        return request_type in self._handles

    def now_ready(
        self, caller: Caller, capabilities: Mapping[str, Capability], handles: list[str] | None
    ) -> None:
        """From here on it can be asked. It may handle fewer types than its manifest says, never more."""
        self._capabilities = capabilities
        declared = set(self.manifest.handles)
        self._handles = frozenset(declared & set(handles) if handles is not None else declared)
        self._process = next(_PROCESSES)
        self.caller = caller

    def not_ready(self) -> None:
        """From here on it cannot be asked, and what it had learnt is gone with its process."""
        self.caller = None
        self.trained_points = 0

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        caller, successor = self.caller, self.successor
        if successor is not None and method in successor.capabilities and successor.caller is not None:
            return await successor.call(method, params, deadline=deadline)
        if caller is None:
            raise PluginGoneError(self.name, "it is not running")
        if method not in _LONG:
            own = time.monotonic() + self.limits.call_timeout_s
            return await caller.call(method, params, deadline=deadline if deadline < own else own)
        if method not in TEACHING:
            return await caller.call(method, params, deadline=deadline)
        self.lessons += 1  # answers may change from its first moment
        try:
            return await caller.call(method, params, deadline=deadline)
        finally:
            self.lessons += 1  # to its last

    def retract(self, method: str, why: str) -> None:
        """See `Askable.retract`."""
        self.breakers.of(method).retracted(time.monotonic(), why)

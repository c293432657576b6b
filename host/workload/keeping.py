"""Hands plugins what they saved, at their start, and takes what they save."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from host.registry.entry import PluginEntry
from host.registry.learning import Restored, StateNote
from host.workload.states import StateInfo, StateStore, fits
from plugin_sdk.contract.messages import InitializeResult, SavedState, SaveReply

log = logging.getLogger(__name__)


class States(Protocol):
    """Where keepers get a state from, and say what became of it."""

    async def offer(self, entry: PluginEntry) -> SavedState | None:
        """What is to be handed to a new process. Raises nothing: without a state a plugin starts all the same."""
        ...

    def told(self, entry: PluginEntry, offered: SavedState | None, greeting: InitializeResult) -> None:
        """The process is up."""
        ...

    async def refused(self, entry: PluginEntry, offered: SavedState, why: str) -> None:
        """The process did not come up with it."""
        ...


class NoStates:
    """For hosts that keep none."""

    async def offer(self, entry: PluginEntry) -> SavedState | None:
        return None

    def told(self, entry: PluginEntry, offered: SavedState | None, greeting: InitializeResult) -> None:
        entry.restored = None

    async def refused(self, entry: PluginEntry, offered: SavedState, why: str) -> None:
        return None


class KeptStates:
    """`States` over a `StateStore`, off the event loop's thread."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def offer(self, entry: PluginEntry) -> SavedState | None:
        manifest = entry.manifest
        try:
            entry.fits = await asyncio.to_thread(fits, manifest.version, entry.config, entry.folder)
            state, trouble = await asyncio.to_thread(self._store.newest, manifest.name, entry.fits)
        except OSError as error:
            state, trouble = None, f"its saved states cannot be read: {error.strerror or error}"
        note = entry.learning.state = StateNote(note=trouble)
        if state is None:
            return None
        _describe(note, state.info)
        entry.restored = Restored(state.info.seq, state.info.trained_points, resume=False)
        return SavedState(state.data, state.info.format, state.info.seq, state.info.version)

    def told(self, entry: PluginEntry, offered: SavedState | None, greeting: InitializeResult) -> None:
        before, entry.restored = entry.restored, None
        if offered is None:
            return
        note = entry.learning.state
        said = greeting.state
        note.restored = said is not None and said.restored
        if said is not None and said.restored and before is not None:
            entry.restored = Restored(before.seq, before.trained_points, said.resume)
            log.info("plugin.state_restored", extra={"plugin": entry.name, "version": offered.version})
        else:
            reason = said.reason if said is not None else None
            note.note = f"it started without its state {offered.version}: {reason or 'it takes none'}"
            log.warning("plugin.state_not_restored", extra={"plugin": entry.name, "why": note.note})

    async def refused(self, entry: PluginEntry, offered: SavedState, why: str) -> None:
        await asyncio.to_thread(self._store.distrust, entry.name, offered.version, why)
        entry.learning.state.note = f"it did not come up with its state {offered.version}: {why}"

    async def save(self, entry: PluginEntry, reply: SaveReply, seq: int) -> None:
        """Keeps what a plugin answered to `save`; what cannot be kept is said in its status."""
        note = entry.learning.state
        if reply.data is None:
            note.note = f"it has no state to be kept: {(reply.reason or 'it gave no reason')[:300]}"
            return
        manifest = entry.manifest
        try:
            info = await asyncio.to_thread(
                self._store.save,
                manifest.name,
                manifest.version,
                entry.fits,
                reply.data,
                reply.format or "",
                seq,
                entry.trained_points,
            )
        except (OSError, ValueError) as error:
            note.note = f"its state was not kept: {error}"
            log.warning("plugin.state_not_saved", extra={"plugin": entry.name, "why": str(error)})
            return
        _describe(note, info)
        note.note = None


def _describe(note: StateNote, info: StateInfo) -> None:
    note.version, note.bytes, note.sha256 = info.version, info.bytes, info.sha256
    note.format, note.seq, note.saved_at = info.format, info.seq, info.saved_at

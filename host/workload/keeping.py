"""Hands plugins what they saved, at their start, and takes what they save."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Protocol
from weakref import WeakKeyDictionary

from host.errors import NotFoundError, RequestError, plain_words
from host.registry.entry import PluginEntry
from host.registry.learning import KeptState, Restored, StateNote
from host.workload.errors import HistoryUnavailableError
from host.workload.states import WITHDRAWN, StateInfo, StateStore, fits
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
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by the plugin's name
        # Processes whose states were gone back behind: what such a one saves is what the operator wants to be rid of.
        self._outlived: WeakKeyDictionary[PluginEntry, int] = WeakKeyDictionary()

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
            reason = plain_words(said.reason or "") if said is not None else None
            note.note = f"it started without its state {offered.version}: {reason or 'it takes none'}"
            log.warning("plugin.state_not_restored", extra={"plugin": entry.name, "why": note.note})

    async def refused(self, entry: PluginEntry, offered: SavedState, why: str) -> None:
        await asyncio.to_thread(self._store.distrust, entry.name, offered.version, why)
        entry.learning.state.note = f"it did not come up with its state {offered.version}: {why}"

    async def save(self, entry: PluginEntry, reply: SaveReply, seq: int) -> None:
        """Keeps what a plugin answered to `save`; what cannot be kept is said in its status."""
        async with self._turns[entry.name]:
            if self._outlived.get(entry) != entry.epoch:
                await self._save(entry, reply, seq)

    async def every(self, entry: PluginEntry) -> list[KeptState]:
        """Every state there is of it, the newest first.

        Raises:
            HistoryUnavailableError: They cannot be read.
        """
        try:
            fitting = await asyncio.to_thread(fits, entry.manifest.version, entry.config, entry.folder)
            found = await asyncio.to_thread(self._store.every, entry.name)
        except OSError as error:
            raise HistoryUnavailableError(
                f"the states of {entry.name} cannot be read: {error.strerror or error}"
            ) from error
        shown = [
            _shown(version, standing, info, fitting)
            for version, standing, _, info in sorted(found, key=lambda each: -each.version)
        ]
        for each in shown:
            if each.standing == "kept" and each.fits:
                each.next = True
                break
        return shown

    async def roll_back(self, entry: PluginEntry, version: int | None) -> int:
        """Makes an earlier state the one that the next start is handed, and what the present process saves nothing.

        Args:
            version: Of the state; `None` for the one before that which the next start would be handed now.

        Returns:
            Its version.

        Raises:
            NotFoundError: There is no such state.
            RequestError: It cannot be handed to the plugin.
            HistoryUnavailableError: It cannot be done now.
        """
        async with self._turns[entry.name]:
            chosen = _chosen(entry.name, await self.every(entry), version)
            try:
                await asyncio.to_thread(self._store.roll_back, entry.name, chosen)
            except OSError as error:
                raise HistoryUnavailableError(
                    f"{entry.name} cannot be given its state {chosen}: {error.strerror or error}"
                ) from error
            self._outlived[entry] = entry.epoch
            return chosen

    async def _save(self, entry: PluginEntry, reply: SaveReply, seq: int) -> None:
        note = entry.learning.state
        if reply.data is None:
            note.note = f"it has no state to be kept: {plain_words(reply.reason or 'it gave no reason')}"
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


def _shown(version: int, standing: str, info: StateInfo | None, fitting: str) -> KeptState:
    if info is None:
        return KeptState(version=version, standing=standing, next=False, fits=False)
    return KeptState(
        version=version,
        standing=standing,
        next=False,
        fits=info.fits == fitting,
        bytes=info.bytes,
        sha256=info.sha256,
        format=info.format,
        seq=info.seq,
        trained_points=info.trained_points,
        plugin_version=info.plugin_version,
        saved_at=info.saved_at,
    )


def _chosen(name: str, states: list[KeptState], version: int | None) -> int:
    """The state to go back to, of *states*, the newest first."""
    usable = [each.version for each in states if each.fits and each.standing in ("kept", WITHDRAWN)]
    said = ", ".join(map(str, usable)) or "none"
    if version is None:
        now = next((each.version for each in states if each.next), None)
        earlier = [each for each in usable if now is not None and each < now]
        if not earlier:
            raise NotFoundError(
                f"{name} has no state before the one that its next start is handed", hint=f"there are: {said}"
            )
        return earlier[0]
    found = next((each for each in states if each.version == version), None)
    if found is None:
        raise NotFoundError(
            f"{name} has no state {version}",
            path="version",
            value=version,
            hint=f"those to go back to: {said}",
        )
    if version not in usable:
        why = (
            f"is {found.standing}"
            if found.standing not in ("kept", WITHDRAWN)
            else "is of another version, code or configuration of it, which would start without"
        )
        raise RequestError(
            f"state {version} of {name} {why}",
            path="version",
            value=version,
            hint=f"those to go back to: {said}",
        )
    return version

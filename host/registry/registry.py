"""All plugins by name, in the order in which they are asked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from host.clock import Clock
from host.errors import NotFoundError, PluginGoneError
from host.registry.entry import PluginEntry
from host.registry.events import EventFeed, Topic


class Registry:
    """Register, unregister, find. Used on the event loop's thread alone."""

    def __init__(self, clock: Clock) -> None:
        self._entries: dict[str, PluginEntry] = {}
        self._clock = clock
        self.events = EventFeed()

    def register(self, entry: PluginEntry) -> None:
        """Adds a plugin.

        Raises:
            ValueError: One of this name is there; the caller decides which of two keeps it.
        """
        if entry.name in self._entries:
            raise ValueError(f"a plugin named {entry.name!r} is registered")
        self._entries[entry.name] = entry
        self.events.publish(
            "plugin:registered", entry.name, self._clock.wall_ms(), {"version": entry.manifest.version}
        )

    def replace(self, entry: PluginEntry) -> None:
        """Puts *entry* in the place of the one of its name, at once: who asks now asks this one.

        Raises:
            NotFoundError: There is none of this name.
        """
        old = self.get(entry.name)
        self._entries[entry.name] = entry
        old.successor = entry
        detail = {"version": entry.manifest.version, "replaces": old.manifest.version}
        self.events.publish("plugin:registered", entry.name, self._clock.wall_ms(), detail)

    def unregister(self, name: str) -> None:
        """Takes a plugin away; one that is not there is no error."""
        entry = self._entries.pop(name, None)
        if entry is not None:
            entry.not_ready()
            self.events.publish("plugin:unregistered", name, self._clock.wall_ms())

    def get(self, name: str) -> PluginEntry:
        """The plugin of this name.

        Raises:
            NotFoundError: There is none; the hint names the nearest.
        """
        entry = self._entries.get(name)
        if entry is None:
            near = difflib.get_close_matches(name, list(self._entries), n=1) if len(name) < 100 else []
            known = f"did you mean {near[0]!r}?" if near else "plugins.list names those that are there"
            raise NotFoundError(
                f"there is no plugin named {name[:100]!r}", path="name", value=name, hint=known
            )
        return entry

    def all(self) -> list[PluginEntry]:
        """Every plugin, highest priority first, then by name."""
        return _in_order(list(self._entries.values()))

    def askable(self, request_type: str) -> Sequence[PluginEntry]:
        """Those that are ready and handle this type, in the order of `all`."""
        there = self._entries.values()
        return _in_order([each for each in there if each.caller is not None and each.handles(request_type)])

    def absent(self, request_type: str) -> Sequence[str]:
        """See `Directory.absent`."""
        down = [each for each in self._entries.values() if each.caller is None and each.settings.enabled]
        return [each.by for each in _in_order([each for each in down if each.handles(request_type)])]

    def named(self, name: str) -> PluginEntry:
        """See `Directory.named`."""
        entry = self.get(name)
        if entry.caller is None:
            raise PluginGoneError(name, "it is not running")
        return entry

    def ready(self) -> Sequence[PluginEntry]:
        """Those that can be asked anything at all, in the order of `all`."""
        return [entry for entry in self.all() if entry.caller is not None]

    def enabled_changed(self, name: str, enabled: bool) -> None:
        """Tells of an operator's switch."""
        topic: Topic = "plugin:enabled" if enabled else "plugin:disabled"
        self.events.publish(topic, name, self._clock.wall_ms())


def _in_order(entries: list[PluginEntry]) -> list[PluginEntry]:
    return sorted(entries, key=lambda entry: (-entry.priority, entry.name)) if len(entries) > 1 else entries

"""What operators have said of plugins while the host ran, kept in the data folder so that it outlives the host.

One small file of JSON, replaced as a whole: written aside, synced, renamed into place, and the folder synced, so that
a host that is killed at any point leaves the old file or the new one.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from host.errors import ConfigError, EngineOpsError
from host.registry.settings import SettingsChange
from plugin_sdk.contract.errors import ErrorCode

FILE = "plugin-settings.json"


class SettingsNotKeptError(EngineOpsError):
    """What was ordered holds now, but will be forgotten with this host: it could not be written."""

    code = ErrorCode.UNAVAILABLE
    retryable = True


class _Kept(msgspec.Struct):
    version: int = 1
    plugins: dict[str, SettingsChange] = {}


class SettingsStore:
    """One file. `None` for the path keeps nothing beyond this host's life."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = _Kept()
        self._writing = asyncio.Lock()

    def load(self) -> dict[str, SettingsChange]:
        """What was said in earlier lives, by plugin.

        Raises:
            ConfigError: The file cannot be read; the remedy is named.
        """
        if self._path is None or not self._path.exists():
            return {}
        try:
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, ValueError, RecursionError) as error:
            remedy = "mend it, or take it away to forget what it says"
            raise ConfigError(f"the settings in {self._path} cannot be read ({error}); {remedy}") from error
        return dict(self._kept.plugins)

    async def remember(self, plugin: str, change: SettingsChange) -> None:
        """Returns when *change* is on stable storage.

        Raises:
            SettingsNotKeptError: It could not be written.
        """
        self._kept.plugins[plugin] = self._kept.plugins.get(plugin, SettingsChange()).then(change)
        if self._path is None:
            return
        async with self._writing:
            text = msgspec.json.format(msgspec.json.encode(self._kept), indent=2)
            try:
                await asyncio.to_thread(_replace, self._path, text)
            except OSError as error:
                raise SettingsNotKeptError(
                    f"what was set for {plugin} holds until this host ends, but could not be written to "
                    f"{self._path} ({error.strerror or error}); make room there and say it again"
                ) from error


def _replace(path: Path, text: bytes) -> None:
    aside = path.with_suffix(".new")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(text)
        os.fsync(fd)
    finally:
        os.close(fd)
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

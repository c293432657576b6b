"""A host for one plugin: the composition root's, with that plugin's folder alone, without a front door."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from host.app import build
from host.config import HostConfig
from host.errors import ConfigError, PluginError
from host.registry.entry import PluginEntry
from host.supervisor.folder import scan
from plugin_sdk.contract.manifest import MANIFEST_NAME

START_TIMEOUT_S = 120.0
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "test_*", ".*")


def plugin_name(folder: Path) -> str:
    """The name in a folder's manifest.

    Raises:
        ConfigError: It is no plugin folder, or its manifest cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="engine-ops-") as temporary:
        found, refused = scan(_alone(folder, Path(temporary)))
    if refused:
        raise ConfigError(f"{folder}: {refused[0].why}")
    if not found:
        raise ConfigError(
            f"{folder}: its {MANIFEST_NAME} is not found when it is copied; give a plugin folder"
        )
    return found[0].manifest.name


@contextlib.asynccontextmanager
async def housed(folder: Path, allow_weak_sandbox: bool) -> AsyncIterator[PluginEntry]:
    """The plugin, started afresh and ready to be asked; it ends with the block.

    Raises:
        ConfigError: The folder cannot be used, or this machine does not start plugins.
        PluginError: It did not start.
    """
    config = HostConfig()
    if allow_weak_sandbox:
        config = replace(config, sandbox=replace(config.sandbox, isolation="best-effort"))
    with tempfile.TemporaryDirectory(prefix="engine-ops-") as temporary:
        base = Path(temporary)
        plugins = _alone(folder, base / "plugins")
        (base / "scratch").mkdir()
        async with build(plugins, base / "scratch", config) as running:
            await running.supervisor.wait_settled(START_TIMEOUT_S)
            entries = running.registry.all()
            if not entries:
                raise ConfigError(f"{folder}: the plugin was refused: {running.supervisor.refused}")
            entry = entries[0]
            if entry.caller is None:
                raise PluginError(entry.name, f"it did not start: {running.host.plugins()[0].state_why}")
            yield entry


def _alone(folder: Path, into: Path) -> Path:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder; give a plugin folder, with a plugin.toml")
    # Looked for before anything is copied: what is no plugin folder may be a whole disk.
    if not (folder / MANIFEST_NAME).is_file():
        raise ConfigError(f"{folder}: there is no {MANIFEST_NAME} in it; give a plugin folder")
    shutil.copytree(folder, into / folder.resolve().name, ignore=_LEFT_OUT)
    return into

"""What lies in the plugins directory: folders that are plugins, and folders that are not, with the reason.

Reading is careful, because anybody may have put anything there: no link is followed, only regular files are
opened, and never more than a manifest's length is read.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from host.errors import ConfigError
from plugin_sdk.contract.manifest import (
    MANIFEST_LIMIT_BYTES,
    MANIFEST_NAME,
    Manifest,
    ManifestError,
    parse_manifest,
)

_TREE_LIMIT = 20_000  # entries of a folder that are looked at for changes
_NOT_WATCHED = {"__pycache__", "node_modules"}


@dataclass(frozen=True)
class FoundPlugin:
    """A folder with a good manifest. `fingerprint` changes when anything in it does, so it is what is compared."""

    folder: Path
    manifest: Manifest = field(compare=False)  # a NaN in its config is not even equal to itself
    fingerprint: int


@dataclass(frozen=True)
class RefusedFolder:
    """A folder that cannot be a plugin as it is, and why."""

    folder: Path
    why: str


def scan(directory: Path) -> tuple[list[FoundPlugin], list[RefusedFolder]]:
    """All plugins below *directory*, by folder name, and the folders that are refused.

    Of two folders with one plugin name the first by folder name has it, and the other is refused.

    Raises:
        ConfigError: The directory itself is missing or cannot be read.
    """
    try:
        with os.scandir(directory) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "give an existing folder with --plugins, or make it"
        raise ConfigError(f"the plugins directory {directory} cannot be read ({reason}); {remedy}") from error
    found: dict[str, FoundPlugin] = {}
    refused: list[RefusedFolder] = []
    for child in children:
        if child.name.startswith(".") or child.name in _NOT_WATCHED:
            continue
        path = directory / child.name
        if not _is_text(child.name):
            shown = directory / os.fsencode(child.name).decode(errors="replace")
            refused.append(RefusedFolder(shown, "its name is not UTF-8; give it another"))
            continue
        if child.is_symlink():
            if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises when it may not look
                refused.append(RefusedFolder(path, "it is a symbolic link; put the folder itself here"))
            continue
        if not child.is_dir(follow_symlinks=False):
            continue
        plugin = look(path)
        if isinstance(plugin, RefusedFolder):
            refused.append(plugin)
        elif plugin is not None and plugin.manifest.name in found:
            first = found[plugin.manifest.name].folder.name
            why = f"its name {plugin.manifest.name!r} is taken by the folder {first!r}; give it a name of its own"
            refused.append(RefusedFolder(path, why))
        elif plugin is not None:
            found[plugin.manifest.name] = plugin
    return list(found.values()), refused


def look(folder: Path) -> FoundPlugin | RefusedFolder | None:
    """One folder; `None` when it has no manifest (yet), which is no fault: it may still be copied."""
    try:
        source = _read_manifest(folder / MANIFEST_NAME)
        if source is None:
            return None
        manifest = parse_manifest(source, str(folder / MANIFEST_NAME))
        return FoundPlugin(folder, manifest, fingerprint(folder))
    except ManifestError as error:
        return RefusedFolder(folder, str(error))
    except OSError as error:
        return RefusedFolder(folder, f"{folder / MANIFEST_NAME} cannot be read: {error.strerror or error}")


def _read_manifest(path: Path) -> bytes | None:
    try:
        # O_NONBLOCK, or opening a FIFO would wait for a writer.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise ManifestError(
                str(path), 0, "", None, "it is a symbolic link; give a regular file"
            ) from error
        raise
    try:
        # Before fdopen, which does not close what it refuses: a folder.
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ManifestError(str(path), 0, "", None, "it is not a regular file; give one")
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(MANIFEST_LIMIT_BYTES + 1)
    finally:
        os.close(fd)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def fingerprint(folder: Path) -> int:
    """A number that changes when a file below *folder* is added, removed, renamed or written."""
    seen: list[tuple[str, int, int, int, int]] = []
    waiting = [folder]
    while waiting and len(seen) < _TREE_LIMIT:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                children = list(entries)
        except OSError:
            continue  # it vanished while we looked; the next scan sees what is true then
        for child in children:
            if child.name.startswith(".") or child.name in _NOT_WATCHED:
                continue
            try:
                status = child.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode):
                waiting.append(Path(child.path))
                # Its size and times change with what is not watched in it.
                seen.append((child.path, status.st_mode, 0, 0, 0))
            else:
                # The ctime too: an archive may set the same size and mtime on a file that is another.
                times = (status.st_mtime_ns, status.st_ctime_ns)
                seen.append((child.path, status.st_mode, status.st_size, *times))
    return hash(tuple(sorted(seen)))

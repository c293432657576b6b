"""What lies in the plugins directory: folders that are plugins, and folders that are not, with the reason.

Reading is careful, because anybody may have put anything there: no link is followed, only regular files are
opened, and never more than a manifest's length is read.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from host.errors import ConfigError
from host.supervisor.tree import NOT_WATCHED, survey
from plugin_sdk.contract.manifest import (
    MANIFEST_LIMIT_BYTES,
    MANIFEST_NAME,
    Manifest,
    ManifestError,
    parse_manifest,
)

# What an operator can read, type and tell apart: no look-alikes from other scripts, no control characters, no
# leading hyphen that a command would take for an option.
FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .+@()-]{0,127}\Z")


@dataclass(frozen=True)
class FoundPlugin:
    """A folder with a good manifest.

    Attributes:
        fingerprint: Changes when anything in the folder does, so it is what is compared.
        changed_ns: When that last happened, by the file system's clock.
    """

    folder: Path
    manifest: Manifest = field(compare=False)  # a NaN in its config is not even equal to itself
    fingerprint: int
    changed_ns: int = field(compare=False, default=0)


@dataclass(frozen=True)
class RefusedFolder:
    """A folder that cannot be a plugin as it is, and why. `name` is what its manifest says, if that is good."""

    folder: Path
    why: str
    changed_ns: int = field(compare=False, default=0)
    name: str | None = field(compare=False, default=None)


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
        if child.name.startswith(".") or child.name in NOT_WATCHED:
            continue
        path = directory / child.name
        if child.is_symlink():
            if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises when it may not look
                refused.append(
                    RefusedFolder(_showable(path), "it is a symbolic link; put the folder itself here")
                )
            continue
        if not child.is_dir(follow_symlinks=False):
            continue
        if not FOLDER_NAME.match(child.name):
            if not _is_text(child.name) or os.path.lexists(path / MANIFEST_NAME):
                refused.append(
                    RefusedFolder(_showable(path), _WHY_NAME if _is_text(child.name) else _WHY_TEXT)
                )
            continue
        plugin = look(path)
        if plugin is None:
            continue
        name = plugin.name if isinstance(plugin, RefusedFolder) else plugin.manifest.name
        if name in found:
            first = found[name].folder.name
            why = f"its name {name!r} is taken by the folder {first!r}; give it a name of its own"
            refused.append(RefusedFolder(path, why, plugin.changed_ns))
        elif isinstance(plugin, RefusedFolder):
            refused.append(plugin)
        else:
            found[plugin.manifest.name] = plugin
    return list(found.values()), refused


def look(folder: Path) -> FoundPlugin | RefusedFolder | None:
    """One folder; `None` when it has no manifest (yet), which is no fault: it may still be copied."""
    tree = survey(folder)
    try:
        source = _read_manifest(folder / MANIFEST_NAME)
        if source is None:
            return None
        manifest = parse_manifest(source, str(folder / MANIFEST_NAME))
    except ManifestError as error:
        return RefusedFolder(folder, str(error), tree.changed_ns)
    except OSError as error:
        why = f"{folder / MANIFEST_NAME} cannot be read: {error.strerror or error}"
        return RefusedFolder(folder, why, tree.changed_ns)
    objection = tree.objection or _missing(folder, manifest)
    if objection is not None:
        return RefusedFolder(folder, objection, tree.changed_ns, manifest.name)
    return FoundPlugin(folder, manifest, tree.fingerprint, tree.changed_ns)


def _missing(folder: Path, manifest: Manifest) -> str | None:
    """What the manifest names and the folder does not have: it is copied half-way, or was forgotten."""
    if manifest.command is not None:
        program = manifest.command[0]
        if "/" in program and not program.startswith("/") and not os.path.lexists(folder / program):
            return f"its command is {program!r}, which is not in the folder"
        return None
    assert manifest.entry is not None
    if manifest.python_dependencies:
        return None  # a package of its own may have the module
    *parents, last = manifest.entry.partition(":")[0].split(".")
    where = folder.joinpath(*parents)
    endings = importlib.machinery.all_suffixes()
    if (where / last).is_dir() or any(os.path.lexists(where / f"{last}{each}") for each in endings):
        return None
    return f"its entry is {manifest.entry!r}, but {'/'.join([*parents, last])}.py is not in the folder"


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


_WHY_TEXT = "its name is not UTF-8; give it another"
_WHY_NAME = "its name has characters that can be mistaken; use letters a to z, digits, and . _ - + @ ( ) or blanks inside"


def _showable(path: Path) -> Path:
    """Under a name that can be printed: whoever made the folder chose it."""
    name = os.fsencode(path.name).decode(errors="replace")
    return path.with_name("".join(each if each.isprintable() else "\ufffd" for each in name) or "\ufffd")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

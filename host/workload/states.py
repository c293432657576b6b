"""What plugins have learned, kept for their next start: opaque bytes, in versions, never looked into.

Theory of operation. A state is one file: a line of JSON that says what it is, then the bytes. It is written aside,
synced and renamed, so a version is whole or not there. Only a state of the same version of the plugin, the same code
and the same configuration is handed back. One that is torn, or with which the plugin did not come up, is renamed and never
handed back again; then the one before it is tried, and at last none. An operator who goes back to an earlier state
withdraws the later ones: they are renamed, and may be gone back to again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

log = logging.getLogger(__name__)

SUFFIX = ".state"
WITHDRAWN = "withdrawn"
_UNCOUNTED = frozenset({"__pycache__", "node_modules"})
_MOST_FILES = 20_000


class StateInfo(msgspec.Struct, rename="camel", frozen=True):
    """What is known of a saved state.

    Fields:
        version: Counts the states of this plugin, from 1.
        seq: It knows the points up to this sequence number.
        trained_points: As `PluginEntry.trained_points` when it was saved.
        fits: By what it fits a start: the plugin's version, code and configuration, as a digest.
    """

    version: int
    sha256: str
    bytes: int
    format: str
    seq: int
    trained_points: int
    plugin_version: str
    fits: str
    saved_at: float


class Kept(NamedTuple):
    """One state that there is a file of.

    Attributes:
        standing: `kept`: it may be handed back; `withdrawn`, `rejected` or `damaged`: why it is not.
        info: `None` where it cannot be read.
    """

    version: int
    standing: str
    path: Path
    info: StateInfo | None


class State(msgspec.Struct, frozen=True):
    """A state to be handed back."""

    info: StateInfo
    data: bytes


class StateStore:
    """The states of every plugin of one host. Blocks: to be used from threads.

    Args:
        most_bytes: Of one state.
        versions: Kept of each plugin.
    """

    def __init__(self, folder: Path, most_bytes: int, versions: int) -> None:
        self._folder = folder
        self.most_bytes = most_bytes
        self._versions = versions

    def save(
        self,
        name: str,
        plugin_version: str,
        fitting: str,
        data: bytes,
        form: str,
        seq: int,
        trained: int,
    ) -> StateInfo:
        """Keeps a state, durably.

        Raises:
            ValueError: It is larger than a state may be.
            OSError: It cannot be written.
        """
        if len(data) > self.most_bytes:
            raise ValueError(f"it has {len(data)} bytes, and a state has at most {self.most_bytes}")
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        version = max((at for at, _ in self._files(name, every=True)), default=0) + 1
        info = StateInfo(
            version,
            hashlib.sha256(data).hexdigest(),
            len(data),
            form[:32],
            seq,
            trained,
            plugin_version,
            fitting,
            time.time() * 1000.0,
        )
        path = folder / f"{version:08d}{SUFFIX}"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(msgspec.json.encode(info) + b"\n")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        _sync(folder)
        for _, old in self._files(name)[: -self._versions]:
            old.unlink(missing_ok=True)
        withdrawn = [each.path for each in self.every(name) if each.standing == WITHDRAWN]
        for old in withdrawn[: -self._versions]:
            old.unlink(missing_ok=True)
        return info

    def newest(self, name: str, fitting: str) -> tuple[State | None, str | None]:
        """The newest state that fits and is whole; and what was wrong with newer ones, if anything."""
        trouble: str | None = None
        for version, path in reversed(self._files(name)):
            try:
                state = _read(path, self.most_bytes)
            except (OSError, ValueError, msgspec.DecodeError) as error:
                self._set_aside(path, "damaged")
                trouble = trouble or f"its saved state {version} is damaged: {error}"
                log.error(
                    "plugin.state_damaged", extra={"plugin": name, "version": version, "why": str(error)}
                )
                continue
            if state.info.fits == fitting:
                return state, trouble
            trouble = (
                trouble or f"its saved state {version} is of another version, configuration or code of it"
            )
        return None, trouble

    def every(self, name: str) -> list[Kept]:
        """Every state there is a file of, oldest first. Reads each, since only so it is known to be whole."""
        found = []
        for version, path in self._files(name, every=True):
            if not path.name.partition(".")[2].startswith(SUFFIX[1:]):
                continue  # one that was being written when the host died
            standing = path.name.partition(f"{SUFFIX}.")[2].partition("-")[0] or "kept"
            try:
                info = _read(path, self.most_bytes).info
            except (OSError, ValueError, msgspec.DecodeError):
                info, standing = None, "damaged"
            found.append(Kept(version, standing, path, info))
        return found

    def roll_back(self, name: str, version: int) -> None:
        """From here on the state of this *version* is the newest: later ones are withdrawn.

        Raises:
            OSError: They cannot be renamed.
        """
        for each in reversed(self.every(name)):
            if each.version > version and each.standing == "kept":
                self._set_aside(each.path, WITHDRAWN)
            elif each.version == version and each.standing == WITHDRAWN:
                each.path.rename(each.path.with_name(f"{version:08d}{SUFFIX}"))
        _sync(self._folder / name)
        left = self._files(name)
        if not left or left[-1][0] != version:
            raise OSError(f"the states after {version} cannot be renamed")
        log.info("plugin.state_rolled_back", extra={"plugin": name, "version": version})

    def distrust(self, name: str, version: int, why: str) -> None:
        """The plugin did not come up with it: it is kept, and not handed back again."""
        path = self._folder / name / f"{version:08d}{SUFFIX}"
        if path.exists():
            self._set_aside(path, "rejected")
            log.warning("plugin.state_rejected", extra={"plugin": name, "version": version, "why": why})

    def _files(self, name: str, *, every: bool = False) -> list[tuple[int, Path]]:
        """The versions there are, oldest first; *every* one, also those that were set aside."""
        folder = self._folder / name
        if not folder.is_dir():
            return []
        found = []
        for path in folder.iterdir():
            number, _, rest = path.name.partition(".")
            if number.isdigit() and (every or rest == SUFFIX[1:]):
                found.append((int(number), path))
        return sorted(found)

    def _set_aside(self, path: Path, what: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        try:
            path.rename(path.with_name(f"{path.name}.{what}-{stamp}"))
        except OSError as error:
            log.error("plugin.state_not_set_aside", extra={"file": str(path), "why": str(error)})


def fits(plugin_version: str, config: dict[str, Any], folder: Path | None) -> str:
    """What a state and a start must have in common: what the plugin is and how it is set.

    Args:
        folder: The plugin's own; every file in it counts, hidden ones and caches aside.
    """
    said = msgspec.json.encode([plugin_version, config], order="sorted")
    digest = hashlib.sha256(said)
    for path in _files_of(folder) if folder is not None else ():
        digest.update(b"\0" + os.fsencode(path.relative_to(folder or path)) + b"\0")
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError:
            continue  # it has vanished, or cannot be read: then the plugin has no use of it either
    return digest.hexdigest()[:32]


def _files_of(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _UNCOUNTED]
        found += [Path(here) / name for name in names if not name.startswith(".")]
        if len(found) > _MOST_FILES:
            break
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _read(path: Path, most_bytes: int) -> State:
    with path.open("rb") as file:
        head = file.readline(64 * 1024)
        info = msgspec.json.decode(head, type=StateInfo)
        data = file.read(most_bytes + 1)
    if len(data) != info.bytes:
        raise ValueError(f"it has {len(data)} bytes instead of {info.bytes}")
    if hashlib.sha256(data).hexdigest() != info.sha256:
        raise ValueError("its SHA-256 is another")
    return State(info, data)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

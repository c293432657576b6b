"""Opening the history, whatever lies there: a damaged or foreign file is set aside, and what is whole in it is kept.

Theory of operation. A file that is damaged, or that a failed sync has left in doubt, is never written to again. What
of it is whole and was acknowledged is copied into a new file beside it, which is synced; the old one is renamed,
not deleted; then the new one takes its name. A host that dies on the way finds either the old file or the new one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from host.workload.errors import HistoryInUseError
from host.workload.store.database import Change, DamagedError, Database, Reader
from host.workload.store.segment import Segment

log = logging.getLogger(__name__)

NAME = "history.db"
_BATCH_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class SetAside:
    """A file that is no longer the history."""

    path: str
    why: str
    at_ms: float
    rescued: int

    def summary(self) -> str:
        """One sentence."""
        return f"{self.why}; it was set aside as {self.path}, and {self.rescued} of its points are kept"


@dataclass(frozen=True)
class Opened:
    """An open history and all of its segments."""

    database: Database
    segments: list[Segment]
    set_aside: SetAside | None = None


class FolderLock:
    """Held while a host writes to the folder. The kernel lets go of it when the host dies."""

    def __init__(self, folder: Path) -> None:
        """Takes it.

        Raises:
            HistoryInUseError: Another host holds it.
            OSError: The folder cannot be used.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            if isinstance(error, BlockingIOError):
                raise HistoryInUseError(
                    f"another host uses the history in {folder}; give this one a --data folder of its own"
                ) from error
            raise

    def close(self) -> None:
        os.close(self._file)


def open_history(folder: Path) -> Opened:
    """The history in *folder*, made if there is none.

    Raises:
        sqlite3.Error, OSError: It can be neither read nor made.
    """
    path, new = folder / NAME, folder / f"{NAME}.new"
    if new.exists():
        if path.exists():
            _remove(new)  # a copy that was not finished
        else:  # one that was: the old file had been set aside, but perhaps not its log, which is not the new one's
            _rename(path, _free_name(path))
            _rename(new, path)
    try:
        database = Database(path)
        try:
            return Opened(database, database.segments())
        except BaseException:
            database.close()
            raise
    except DamagedError as error:
        return renew(folder, str(error), acknowledged=None)


def renew(folder: Path, why: str, *, acknowledged: int | None) -> Opened:
    """A new file with what is whole in the old one, which is set aside.

    Args:
        acknowledged: Points after this sequence number are left behind: nobody was told that they are kept.

    Raises:
        sqlite3.Error, OSError: The new file cannot be made; the old one is where it was.
    """
    path, new = folder / NAME, folder / f"{NAME}.new"
    _remove(new)
    database = Database(new)
    try:
        rescued = _copy(path, database, acknowledged)
        database.checkpoint(all_of_it=True)
    finally:
        database.close()
    _sync(new)
    aside = _free_name(path)
    at_ms = time.time() * 1000.0
    _rename(path, aside)
    _rename(new, path)
    told = SetAside(str(aside), why, at_ms, rescued)
    log.error("history.set_aside", extra={"why": why, "file": str(aside), "rescued": rescued})
    database = Database(path)
    return Opened(database, database.segments(), told)


def _copy(path: Path, database: Database, acknowledged: int | None) -> int:
    """Copies the whole segments of the file at *path*; how many points those are."""
    rescued, last_seq = 0, acknowledged or 0
    try:
        reader = Reader(path)
    except (sqlite3.Error, OSError):
        return 0
    try:
        change, size = Change(), 0
        for segment in reader.salvage():
            if acknowledged is not None and segment.last_seq > acknowledged:
                continue  # a segment is of one commit or of a merge; it is acknowledged as a whole
            change.add.append(segment)
            rescued += segment.count
            last_seq = max(last_seq, segment.last_seq)
            size += len(segment.block.data) + segment.lines_bytes
            if size > _BATCH_BYTES:
                database.commit(change)
                database.checkpoint()
                change, size = Change(), 0
        change.keys = reader.keys() if rescued else []
        change.last_seq = last_seq
        database.commit(change)
    finally:
        reader.close()
    return rescued


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(1, 1000):
        suffix = f".damaged-{stamp}" + (f"-{number}" if number > 1 else "")
        free = path.with_name(path.name + suffix)
        if not free.exists():
            return free
    raise OSError(f"no free name beside {path}")


def _rename(path: Path, to: Path) -> None:
    for suffix in (
        "",
        "-wal",
        "-shm",
    ):  # the file itself first: where it is missing, `open_history` knows why
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(to.with_name(to.name + suffix))
    _sync(path.parent)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

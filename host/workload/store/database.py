"""The file: opened, checked, read and written. Used by one thread at a time; blocks.

An SQLite database in WAL mode with `synchronous=FULL`: when `commit` returns, the points are on stable storage.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

from host.workload.store.schema import APPLICATION_ID, VERSION, create, migrate
from host.workload.store.segment import Segment
from plugin_sdk.contract.columns import ColumnBlock, ColumnsError

PAGE_BYTES = 16_384  # blobs of 100 kB and more lie in few pages
CACHE_KIB = 4096
CHECKPOINT_BYTES = 16 * 1024 * 1024
WAL_KEPT_BYTES = 32 * 1024 * 1024


class DamagedError(Exception):
    """The file is torn, or is none of ours; its text says what was found."""


@dataclass
class Change:
    """What one commit does to the file.

    Attributes:
        keys: (key, digest, recorded, at_ms) of idempotent writes.
        dropped: How many points of the segment of that key are no longer history.
    """

    add: list[Segment] = field(default_factory=list)
    delete: list[int] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[str, bytes, int, float]] = field(default_factory=list)
    last_seq: int | None = None
    forget_keys_before_ms: float | None = None


class Database:
    """One open file. After an error of `commit` that is not `is_harmless`, it is not to be used again: what the
    kernel has of it may be neither old nor new.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file.

        Raises:
            DamagedError: What is there cannot be used.
            sqlite3.Error: It cannot be read or written at all.
            OSError: Its folder cannot be used.
        """
        self.path = path
        self._in_log = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists() or path.stat().st_size == 0
        self._connection = _connect(path)
        try:
            if is_new:
                self._connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._check(is_new)
        except sqlite3.DatabaseError as error:
            self.close()
            if is_damage(error):
                raise DamagedError(str(error)) from error
            raise
        except BaseException:
            self.close()
            raise

    def _check(self, is_new: bool) -> None:
        run = self._connection.execute
        if not is_new:
            (found,) = run("PRAGMA application_id").fetchone()
            if found == 0 and run("SELECT 1 FROM sqlite_master").fetchone() is None:
                is_new = True  # the host that made it died before its tables were there
            elif found != APPLICATION_ID:
                raise DamagedError(f"its application id is {found:#x}; a history has {APPLICATION_ID:#x}")
        (version,) = run("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise DamagedError(f"it has version {version}, and this host knows up to {VERSION}")
        run("PRAGMA journal_mode = WAL")  # from here on the file is ours to write to
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA cache_size = -{CACHE_KIB}")
        run("PRAGMA wal_autocheckpoint = 0")  # its errors would go unseen: `checkpoint` does it
        run(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        with self._transaction():
            if is_new:
                create(self._connection)
            elif version < VERSION:
                migrate(self._connection, version)
            run(
                "UPDATE meta SET value = value WHERE name = 'last_seq'"
            )  # a disk that takes no writes says so now
        (last,) = run("SELECT value FROM meta WHERE name = 'last_seq'").fetchone() or (None,)
        if not isinstance(last, int):
            raise DamagedError(f"its last sequence number is {last!r}")
        self.last_seq = last

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite may have rolled back by itself.
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def segments(self) -> list[Segment]:
        """Every segment, oldest first, without its lines.

        Raises:
            DamagedError: One cannot be read, or is not what was written.
        """
        rows = self._connection.execute(
            "SELECT type, dropped, lines_bytes, lines_crc, columns_crc, columns FROM segment ORDER BY key"
        )
        found = []
        try:
            for kind, dropped, size, lines_crc, columns_crc, columns in rows:
                found.append(_segment(kind, dropped, size, lines_crc, columns_crc, columns))
        except sqlite3.DatabaseError as error:
            raise DamagedError(str(error)) from error
        return found

    def lines(self, segment: Segment) -> bytes | None:
        """The segment's lines; `None` when it has been merged or dropped meanwhile.

        Raises:
            DamagedError: They are not what was written.
        """
        return _lines(self._connection, segment)

    def known_keys(self, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        """Digest and count of those idempotency keys that stand for points already."""
        found = {}
        for key in keys:
            row = self._connection.execute(
                "SELECT digest, recorded FROM key WHERE key = ?", (key,)
            ).fetchone()
            if row is not None:
                found[key] = (row[0], row[1])
        return found

    def commit(self, change: Change) -> None:
        """All of it, durably, or nothing of it.

        Raises:
            sqlite3.Error: Nothing of it is acknowledged.
        """
        run, many = self._connection.execute, self._connection.executemany
        with self._transaction():
            many("DELETE FROM segment WHERE key = ?", [(key,) for key in change.delete])
            many("UPDATE segment SET dropped = ? WHERE key = ?", [(n, key) for key, n in change.dropped])
            many("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, change.add))
            many("INSERT INTO key VALUES (?, ?, ?, ?)", change.keys)
            if change.last_seq is not None:
                run("UPDATE meta SET value = ? WHERE name = 'last_seq'", (change.last_seq,))
            if change.forget_keys_before_ms is not None:
                run("DELETE FROM key WHERE at_ms < ?", (change.forget_keys_before_ms,))
        self._in_log += sum(len(each.block.data) + each.lines_bytes for each in change.add)

    def checkpoint(self, *, all_of_it: bool = False) -> None:
        """Moves what was committed from the log into the file, if there is much of it.

        Raises:
            sqlite3.Error: It could not; what was committed is in the log still.
        """
        if all_of_it or self._in_log > CHECKPOINT_BYTES:
            self._connection.execute(
                f"PRAGMA wal_checkpoint({'TRUNCATE' if all_of_it else 'PASSIVE'})"
            ).fetchall()
            self._in_log = 0

    def close(self) -> None:
        """Lets go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


class Reader:
    """A second connection to the file, which only reads, also while the first one writes."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self._connection.execute("PRAGMA query_only = ON")

    def lines(self, segment: Segment) -> bytes | None:
        """See `Database.lines`."""
        return _lines(self._connection, segment)

    def salvage(self) -> Iterator[Segment]:
        """Every segment that is whole, with its lines, oldest first, out of a file that may be damaged."""
        keys: list[int] = []
        with contextlib.suppress(sqlite3.DatabaseError):
            for (key,) in self._connection.execute("SELECT key FROM segment ORDER BY key"):
                keys.append(key)
        for key in keys:
            with contextlib.suppress(sqlite3.DatabaseError, DamagedError):
                row = self._connection.execute(
                    "SELECT type, dropped, lines_bytes, lines_crc, columns_crc, columns, lines "
                    "FROM segment WHERE key = ?",
                    (key,),
                ).fetchone()
                segment = _segment(*row[:-1])
                if crc32(row[-1]) == segment.lines_crc:
                    yield replace(segment, lines=row[-1])

    def keys(self) -> list[tuple[str, bytes, int, float]]:
        """The idempotency keys, as far as they can be read."""
        try:
            return self._connection.execute("SELECT key, digest, recorded, at_ms FROM key").fetchall()
        except sqlite3.DatabaseError:
            return []

    def close(self) -> None:
        self._connection.close()


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error says that the file's content is not a database, or not a whole one."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def is_full(error: Exception) -> bool:
    """Whether the disk had no room: SQLite has rolled back, and the file is as it was."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def is_harmless(error: Exception) -> bool:
    """Whether the error says that nothing was written, so that the handle can be used again."""
    return getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY")
    )


def _lines(connection: sqlite3.Connection, segment: Segment) -> bytes | None:
    try:
        row = connection.execute(
            "SELECT lines FROM segment WHERE key = ? AND lines_crc = ?", (segment.key, segment.lines_crc)
        ).fetchone()
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise DamagedError(str(error)) from error
        raise
    if row is None:
        return None
    lines: bytes = row[0]
    if crc32(lines) != segment.lines_crc:
        raise DamagedError(f"the lines of the segment at {segment.key} are not those that were written")
    return lines


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)


def _segment(kind: str, dropped: int, size: int, lines_crc: int, columns_crc: int, columns: bytes) -> Segment:
    try:
        if crc32(columns) != columns_crc:
            raise DamagedError("the columns of a segment are not those that were written")
        return Segment(kind, ColumnBlock(columns), None, lines_crc, size, dropped)
    except (ColumnsError, TypeError) as error:
        raise DamagedError(f"a segment cannot be read: {error}") from error


def _row(segment: Segment) -> tuple[int, str, int, int, int, int, memoryview, bytes]:
    assert segment.lines is not None
    data = segment.block.data
    return (
        segment.key,
        segment.type,
        segment.dropped,
        segment.lines_bytes,
        segment.lines_crc,
        crc32(data),
        data,
        segment.lines,
    )

"""The tables, their version, and how an older file is brought to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

APPLICATION_ID = 0x454F4831  # "EOH1": how a file of ours is told from any other database
VERSION = 2

_SEGMENT = """
CREATE TABLE segment(
    key INTEGER PRIMARY KEY,      -- sequence number of its first point
    type TEXT NOT NULL,
    dropped INTEGER NOT NULL,     -- how many of its oldest points are no longer history
    lines_bytes INTEGER NOT NULL,
    lines_crc INTEGER NOT NULL,
    columns_crc INTEGER NOT NULL,
    columns BLOB NOT NULL,        -- plugin_sdk.contract.columns
    lines BLOB NOT NULL           -- last, so that reading the columns does not touch it
)
"""
_META = "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID"
_KEYS = """
CREATE TABLE key(
    key TEXT PRIMARY KEY,         -- a caller's idempotency key
    digest BLOB NOT NULL,         -- of the points it stands for
    recorded INTEGER NOT NULL,
    at_ms REAL NOT NULL
) WITHOUT ROWID
"""


def create(connection: sqlite3.Connection) -> None:
    """Makes the tables of the present version in an empty file."""
    for statement in (_SEGMENT, _META, _KEYS):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('last_seq', 0)")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _add_keys(connection: sqlite3.Connection) -> None:
    connection.execute(_KEYS)


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _add_keys}
"""From a version to the next. Version 1 knew no idempotency keys."""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Brings a file of an older *version* to the present one, inside of the caller's transaction."""
    for step in range(version, VERSION):
        MIGRATIONS[step](connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")

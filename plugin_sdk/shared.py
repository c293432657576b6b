"""Columns that the host has put into a file for its plugins: mapped, not read."""

from __future__ import annotations

import mmap
from pathlib import Path
from zlib import crc32

from plugin_sdk.contract.columns import ColumnBlock, ColumnsError
from plugin_sdk.contract.messages import ColumnsRef


def map_columns(folder: str | None, ref: ColumnsRef) -> ColumnBlock:
    """The block that *ref* announces; it stays for as long as somebody holds it.

    Args:
        folder: Where the host puts them, as `initialize` said.

    Raises:
        ColumnsError: There is no such folder or file, or it is not what was announced.
    """
    if folder is None or not ref.name or "/" in ref.name or ref.name.startswith("."):
        raise ColumnsError(f"the columns in {ref.name!r} cannot be reached")
    try:
        with (Path(folder) / ref.name).open("rb") as file:
            data = mmap.mmap(file.fileno(), ref.length, mmap.MAP_SHARED, mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise ColumnsError(f"the columns in {ref.name!r} cannot be mapped: {error}") from error
    if crc32(data) != ref.crc32:
        raise ColumnsError(f"the columns in {ref.name!r} are not those that were announced")
    return ColumnBlock(memoryview(data))

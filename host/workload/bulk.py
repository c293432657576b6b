"""Snapshots of the history as blocks of columns, in files that every plugin can read and none can write.

Theory of operation. A snapshot is written once, a column at a time and in pieces, to a folder that plugins see
read-only; the message that announces it says which file. A plugin maps it, so all that map the same one share its
pages: the second costs nothing. A file is never changed, only unlinked, and what a plugin has mapped stays as it was
for as long as it holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from host.workload.blocks import write_block
from host.workload.history import History, Stretch
from host.workload.selection import Selection
from plugin_sdk.contract.messages import ColumnsRef


@dataclass
class _File:
    ref: ColumnsRef
    path: Path
    key: Hashable
    users: int = 0


class Bulk:
    """The folder, and what lies in it. To be closed with `close`.

    Args:
        folder: Emptied; made if it is not there.
    """

    def __init__(self, folder: Path, history: History) -> None:
        self.folder = folder
        self._history = history
        self._files: list[_File] = []
        self._making = asyncio.Lock()
        self._number = 0
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o755, exist_ok=True)
        for left in folder.iterdir():
            left.unlink()

    @contextlib.asynccontextmanager
    async def snapshot(self, limit: int, before: int) -> AsyncIterator[ColumnsRef]:
        """The newest *limit* points before number *before*; the file is there until the block ends, at least.

        Raises:
            OSError: It cannot be written.
        """
        wanted = Selection(limit=limit, before=before)
        async with self._shared(
            ("newest", limit, before), lambda path: self._write_newest(path, wanted)
        ) as ref:
            yield ref

    @contextlib.asynccontextmanager
    async def stretch(self, stretch: Stretch) -> AsyncIterator[ColumnsRef]:
        """The points of *stretch*; as `snapshot`."""
        key = ("stretch", stretch.after, stretch.last_seq, stretch.count)
        async with self._shared(key, lambda path: write_block(path, stretch.runs)) as ref:
            yield ref

    @contextlib.asynccontextmanager
    async def _shared(self, key: Hashable, write: Callable[[Path], ColumnsRef]) -> AsyncIterator[ColumnsRef]:
        """The file of this *key*, written if there is none."""
        async with self._making:
            file = next((each for each in self._files if each.key == key), None)
            if file is None:
                file = await self._make(key, write)
            file.users += 1
        try:
            yield file.ref
        finally:
            file.users -= 1
            self._tidy()

    def close(self) -> None:
        """Takes every file away; what is mapped stays mapped."""
        for file in self._files:
            file.path.unlink(missing_ok=True)
        self._files.clear()

    async def _make(self, key: Hashable, write: Callable[[Path], ColumnsRef]) -> _File:
        self._number += 1
        path = self.folder / f"{self._number:08d}.columns"
        try:
            ref = await asyncio.to_thread(write, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        file = _File(ref, path, key)
        self._files.append(file)
        self._tidy()
        return file

    def _write_newest(self, path: Path, wanted: Selection) -> ColumnsRef:
        return write_block(path, self._history.runs(wanted))

    def _tidy(self) -> None:
        # The newest stays: the next plugin that is trained may want the same.
        for file in [each for each in self._files[:-1] if not each.users]:
            file.path.unlink(missing_ok=True)
            self._files.remove(file)

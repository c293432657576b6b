"""Snapshots of the history as blocks of columns, in files that every plugin can read and none can write.

Theory of operation. A snapshot is written once, a column at a time and in pieces, to a folder that plugins see
read-only; the message that announces it says which file. A plugin maps it, so all that map the same one share its
pages: the second costs nothing. A file is never changed, only unlinked, and what a plugin has mapped stays as it was
for as long as it holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zlib import crc32

from host.workload.history import History
from host.workload.selection import Selection
from host.workload.statistics import column, names
from host.workload.store.index import Run
from host.workload.store.segment import NUMBER, TEXT, USAGE
from plugin_sdk.contract.columns import block_header
from plugin_sdk.contract.messages import ColumnsRef

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

PIECE = 65_536  # values: whatever holds the interpreter for one is over in a fraction of a millisecond


@dataclass
class _File:
    ref: ColumnsRef
    path: Path
    key: tuple[int, int]
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
        async with self._making:
            file = next((each for each in self._files if each.key == (limit, before)), None)
            if file is None:
                file = await self._make(limit, before)
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

    async def _make(self, limit: int, before: int) -> _File:
        self._number += 1
        path = self.folder / f"{self._number:08d}.columns"
        wanted = Selection(limit=limit, before=before)
        try:
            ref = await asyncio.to_thread(lambda: write_block(path, self._history.runs(wanted)))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        file = _File(ref, path, (limit, before))
        self._files.append(file)
        self._tidy()
        return file

    def _tidy(self) -> None:
        # The newest stays: the next plugin that is trained may want the same.
        for file in [each for each in self._files[:-1] if not each.users]:
            file.path.unlink(missing_ok=True)
            self._files.remove(file)


def write_block(path: Path, found: Sequence[Sequence[Run]]) -> ColumnsRef:
    """Writes the points of *found* as one block, by their sequence numbers."""
    import numpy as np  # not at the host's start

    runs = [run for each in found for run in each]
    seqs = column(runs, "seq") if runs else np.empty(0, dtype=np.int64)
    order = np.argsort(seqs, kind="stable")
    plan: list[tuple[str, str, tuple[str, ...] | None, Callable[[], NDArray[Any]]]] = [
        ("seq", "i8", None, lambda: seqs),
        ("timestamp", "f8", None, lambda: column(runs, "timestamp")),
        ("duration", "f8", None, lambda: column(runs, "duration")),
        ("success", "u1", None, lambda: column(runs, "success")),
    ]
    kinds = tuple(dict.fromkeys(run.segment.type for run in runs))
    plan.append(("requestType", "i4", kinds, lambda: _kinds(runs, kinds)))
    for name in ("plugin", *names(runs, TEXT)):
        values, words = coded(runs, name)
        plan.append((name, "i4", words, lambda values=values: values))  # type: ignore[misc]
    for name in (*names(runs, USAGE), *names(runs, NUMBER)):
        plan.append((name, "f8", None, lambda name=name: column(runs, name)))  # type: ignore[misc]
    header, offsets = block_header(len(order), [(name, dtype, words) for name, dtype, words, _ in plan])
    with path.open("wb", buffering=0) as file:
        written = _Written(file)
        written.add(header)
        for (_, dtype, _, values_of), offset in zip(plan, offsets, strict=True):
            written.add(b"\0" * (offset - written.size))
            values = values_of()
            for start in range(0, len(order), PIECE):
                piece = values[order[start : start + PIECE]]
                written.add(np.ascontiguousarray(piece, dtype=f"<{dtype}").data)
        written.add(b"\0" * (-written.size % 8))
    path.chmod(0o444)
    return ColumnsRef(path.name, written.size, written.crc32, len(order))


class _Written:
    def __init__(self, file: BinaryIO | Any) -> None:
        self._file = file
        self.size = 0
        self.crc32 = 0

    def add(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        self.crc32 = crc32(view, self.crc32)
        self.size += len(view)
        while view:
            view = view[os.write(self._file.fileno(), view) :]


def coded(runs: Sequence[Run], name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """A column of codes over all runs, with one dictionary."""
    import numpy as np

    words: dict[str, int] = {}
    parts: list[NDArray[np.int32]] = []
    for run in runs:
        if name not in run.segment.block:
            parts.append(np.full(len(run.places), -1, dtype=np.int32))
            continue
        anew = [words.setdefault(word, len(words)) for word in run.segment.block.spec(name).dictionary or ()]
        values = np.asarray([*anew, -1], dtype=np.int32)[run.segment.block.array(name)]
        places = run.places
        parts.append(values[places.start : places.stop] if isinstance(places, range) else values[places])
    return (np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)), tuple(words)


def _kinds(runs: Sequence[Run], kinds: Sequence[str]) -> NDArray[np.int32]:
    import numpy as np

    parts = [np.full(len(run.places), kinds.index(run.segment.type), dtype=np.int32) for run in runs]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

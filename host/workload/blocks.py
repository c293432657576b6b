"""Points of the history written as one block of columns, a column at a time and in pieces.

Memory holds one column and the order of the points, however many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zlib import crc32

from host.workload.statistics import column, names
from host.workload.store.index import Run
from host.workload.store.segment import NUMBER, TEXT, USAGE
from plugin_sdk.contract.columns import block_header
from plugin_sdk.contract.messages import ColumnsRef

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 65_536  # values: whatever holds the interpreter for one is over in a fraction of a millisecond


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

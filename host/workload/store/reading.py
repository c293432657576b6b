"""Lines of selected points, out of memory or from disk, on a thread that may block."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from host.workload.errors import HistoryUnavailableError
from host.workload.store.database import DamagedError, Reader, is_damage
from host.workload.store.index import Run
from host.workload.store.writer import Writer

TRIES = 10  # segments are merged and dropped while they are read; the index then says where points are


class Reading:
    """Reads what the writer wrote. Used from any thread; the one connection is taken in turns."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._turn = threading.Lock()
        self._reader: Reader | None = None
        self._generation = -1

    def rows(self, choose: Callable[[], Sequence[Sequence[Run]]]) -> list[tuple[int, bytes]]:
        """Sequence number and line of each point of the runs that *choose* finds, in the order of their numbers.

        Raises:
            HistoryUnavailableError: They cannot be read now.
        """
        for tried in range(TRIES):
            rows = self._try(choose())
            if rows is not None:
                return rows
            # The file is a moment ahead of the index: the writer is between its commit and the new index.
            time.sleep(0.001 * 2**tried)
        raise HistoryUnavailableError("the history changes faster than it can be read; ask again")

    def close(self) -> None:
        with self._turn:
            self._drop()

    def _try(self, found: Sequence[Sequence[Run]]) -> list[tuple[int, bytes]] | None:
        rows: list[tuple[int, bytes]] = []
        for run in (run for runs in found for run in runs):
            text = run.segment.lines
            if text is None:
                text = self._from_disk(run)
            if text is None:
                return None
            rows += zip(run.seqs(), run.pick(text), strict=True)
        rows.sort(key=_seq)  # runs are in order already, one way or the other, which makes this cheap
        return rows

    def _from_disk(self, run: Run) -> bytes | None:
        with self._turn:
            try:
                if self._reader is None or self._generation != self._writer.generation:
                    self._drop()
                    self._generation = self._writer.generation
                    self._reader = Reader(self._writer.path)
                return self._reader.lines(run.segment)
            except (DamagedError, sqlite3.Error) as error:
                self._drop()
                if isinstance(error, DamagedError) or is_damage(error):
                    self._writer.doubt(f"the history in {self._writer.path} is damaged: {error}")
                raise HistoryUnavailableError(f"points cannot be read from disk: {error}") from error

    def _drop(self) -> None:
        if self._reader is not None:
            with contextlib.suppress(sqlite3.Error):
                self._reader.close()
            self._reader = None


def _seq(row: tuple[int, bytes]) -> int:
    return row[0]

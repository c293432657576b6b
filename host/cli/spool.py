"""An export on its way: pages come newest first, points go out oldest first, and memory holds one page at a time."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from host.cli.client import FailedError
from host.workload.formats.writing import WRITERS

PAGE_POINTS = 5_000


class Spool:
    """Pages in a temporary file. Use as a context; `fill`, then `write`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._pages: list[tuple[int, int]] = []

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def fill(
        self, page: Callable[[dict[str, Any]], Any], selection: dict[str, Any], limit: int | None
    ) -> None:
        """Gets all pages.

        Args:
            page: Answers the parameters of one `workload.query`.
            limit: Points in all.
        """
        left, cursor = limit, None
        while left is None or left > 0:
            size = PAGE_POINTS if left is None else min(PAGE_POINTS, left)
            asked = {**selection, "limit": size} | ({"cursor": cursor} if cursor is not None else {})
            answer = page(asked)
            begin = self._file.tell()
            for point in answer["points"]:
                self._file.write(msgspec.json.encode(point) + b"\n")
            self._pages.append((begin, self._file.tell()))
            if left is not None:
                left -= len(answer["points"])
            cursor = answer.get("cursor")
            if cursor is None:
                return

    def lines(self) -> Iterator[bytes]:
        """Every point, oldest first."""
        for begin, end in reversed(self._pages):
            self._file.seek(begin)
            while begin < end:
                line = self._file.readline()
                begin += len(line)
                yield line[:-1]

    def write(self, form: str, out: Path | None) -> int:
        """Writes all points in a format, to a file that is whole or not there, or to stdout; returns how many."""
        writer = WRITERS[form]
        try:
            if out is None:
                stream = sys.stdout.buffer
                count = writer(self.lines, stream)
                stream.flush()
                return count
            part = out.with_name(f".{out.name}.part")
            try:
                with part.open("wb") as file:
                    count = writer(self.lines, file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(out)
            finally:
                part.unlink(missing_ok=True)
            return count
        except ModuleNotFoundError as error:
            raise FailedError(f"{form} needs pyarrow: pip install 'engine-ops[arrow]'") from error
        except OSError as error:
            raise FailedError(f"cannot write {out or 'to stdout'}: {error.strerror or error}") from error

"""One door for every kind of trace file: the kind is told by what stands in it, not by its name."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from host.errors import ConfigError
from host.traces.csv import SIZE_LINE, read_csv
from host.traces.job import Trace
from host.traces.swf import FIELDS, read_swf
from host.traces.text import numbered_lines

_NUMBERS = re.compile(r"\s*-?\d[\d.\seE+-]*$")
_ENDINGS = {".gz", ".xz", ".csv", ".swf", ".txt"}


def load_trace(path: Path | str, limit: int | None = None) -> Trace:
    """The jobs in a file: Standard Workload Format or CSV; plain, gzip or xz.

    Args:
        limit: Stop after this many usable jobs; the rest of the file is not read.

    Raises:
        ConfigError: It is no such file; names the file, the line and what would be right.
    """
    path = Path(path)
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        raise ConfigError(f"{path}: is empty; give a job log in SWF or CSV")
    line, text = first
    whole = itertools.chain([first], lines)
    if SIZE_LINE.match(text):
        return read_csv(whole, path, trace_name(path), limit)
    if text.startswith(";") or not text.strip() or _NUMBERS.match(text):
        return read_swf(whole, path, trace_name(path), limit)
    raise ConfigError(
        f"{path}:{line}: the first line is {text[:60]!r}; give Standard Workload Format (';' comments, then"
        f" {FIELDS} numbers a line) or CSV whose first line is '# MaxProcs=P'"
    )


def trace_name(path: Path) -> str:
    """The file's name without the endings that only say how it is stored."""
    while path.suffix.lower() in _ENDINGS:
        path = path.with_suffix("")
    return path.name

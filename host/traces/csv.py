"""Job logs as CSV: a first line `# MaxProcs=P`, then a header with at least id, submit, run, procs, req_time, user.

Further columns are left alone. `memory`, where there is one, is bytes a processor.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from host.errors import ConfigError
from host.traces.fields import header_count, number
from host.traces.job import OWN_TIME, Trace, TraceJob
from host.traces.text import Line

COLUMNS = ("id", "submit", "run", "procs", "req_time", "user")
SIZE_LINE = re.compile(r"#\s*MaxProcs\s*=\s*(.*)", re.IGNORECASE)


def read_csv(lines: Iterable[Line], path: Path, name: str, limit: int | None = None) -> Trace:
    """The trace in the lines of such a file.

    Args:
        limit: Stop after this many usable jobs.

    Raises:
        ConfigError: It is no such file, a value is no number, or there is no usable job; names file and line.
    """
    numbered = iter(lines)
    procs = _size(numbered, path)
    columns = _columns(numbered, path)
    memory_at = columns.get("memory")
    places = [columns[each] for each in COLUMNS]
    width = max(places) + 1
    skipped: Counter[str] = Counter()
    own_time = 0
    jobs: list[TraceJob] = []
    for line, text in numbered:
        if not text.strip() or text.startswith("#"):
            continue
        values = next(csv.reader([text]))
        if len(values) < width:
            raise ConfigError(f"{path}:{line}: {len(values)} values; give {len(columns)}, as the header has")
        ident, submit, run, size, requested, user = (values[place] for place in places)
        submit_s = number(submit, path, line, "submit")
        run_s = number(run, path, line, "run")
        size_n = number(size, path, line, "procs")
        requested_s = number(requested, path, line, "req_time")
        why = _unusable(submit_s, run_s, size_n, procs)
        if why:
            skipped[why] += 1
            continue
        own_time += requested_s <= 0
        memory_text = values[memory_at].strip() if memory_at is not None and memory_at < len(values) else ""
        memory = number(memory_text, path, line, "memory") if memory_text else 0.0
        jobs.append(
            TraceJob(
                id=ident,
                submit_s=submit_s,
                run_s=run_s,
                procs=int(size_n),
                requested_s=requested_s if requested_s > 0 else max(run_s, 1.0),
                user=user or "unknown",
                memory_bytes=memory if memory > 0 else None,
            )
        )
        if limit is not None and len(jobs) >= limit:
            break
    if not jobs:
        raise ConfigError(
            f"{path}: no job that can be used ({sum(skipped.values())} skipped); give a log with jobs in it"
        )
    jobs.sort(key=lambda job: job.submit_s)  # stable: equal times keep the order of the file
    said = [f"{len(jobs)} jobs in CSV"]
    if own_time:
        said.append(OWN_TIME.format(count=own_time))
    if skipped:
        said.append(
            "skipped: " + ", ".join(f"{count} with {each}" for each, count in sorted(skipped.items()))
        )
    return Trace(name, procs, jobs, str(path), "; ".join(said), dict(skipped))


def _size(lines: Iterator[Line], path: Path) -> int:
    line, text = next(lines, (1, ""))
    found = SIZE_LINE.match(text)
    if not found:
        raise ConfigError(
            f"{path}:{line}: the first line is {text[:60]!r}; give '# MaxProcs=P', P the processors"
        )
    return header_count(found[1], path, line, "MaxProcs")


def _columns(lines: Iterator[Line], path: Path) -> dict[str, int]:
    line, text = next(lines, (2, ""))
    columns = {name.strip(): index for index, name in enumerate(next(csv.reader([text]), []))}
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise ConfigError(
            f"{path}:{line}: the header {text[:80]!r} has no {', '.join(missing)}; give {','.join(COLUMNS)}"
        )
    return columns


def _unusable(submit_s: float, run_s: float, size: float, procs: int) -> str | None:
    if run_s < 0:
        return "no run time"
    if size < 1:
        return "no processors"
    if submit_s < 0:
        return "no submit time"
    return "more processors than the machine has" if size > procs else None

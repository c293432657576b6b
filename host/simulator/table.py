"""A summary as a table for people: what came of it, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from host.simulator.summary import Row, Summary

WHO = ("group", "decider")
RESULTS = ("cases", "mean", "sd", "difference", "max wait h", "utilisation %")
COSTS = ("us/decision", "p50 ms", "p99 ms", "calls", "failures", "fallbacks", "seconds")
COLUMNS = (*WHO, *RESULTS, *COSTS)
ADVICE = ("p50 ms", "p99 ms", "calls", "failures", "fallbacks")  # empty where no plugin was tried

Part = tuple[tuple[str, ...], list[list[object]]]


def table(summary: Summary) -> list[list[object]]:
    """The rows as cells of `COLUMNS`; `None` for what there is not."""
    return [
        [
            row.group or None, row.decider, row.cases, f"{row.mean:.2f}", f"{row.sd:.2f}" if row.cases > 1 else None,
            difference(row), _fixed(row.metrics.get("max wait h"), 1), _fixed(row.metrics.get("utilisation"), 1),
            f"{row.decision_us:.0f}", _fixed(row.p50_ms, 2), _fixed(row.p99_ms, 2),
            *([row.calls, row.failures, row.fallbacks] if row.calls or row.fallbacks else [None] * 3),
            f"{row.seconds:.1f}",
        ]
        for row in summary.rows
    ]  # fmt: skip


def parts(summary: Summary, together: bool) -> list[Part]:
    """Columns and rows without the columns in which there is nothing: as one table, or results and costs one below the other."""
    rows = table(summary)
    wanted = [COLUMNS] if together else [(*WHO, *RESULTS), (*WHO, *COSTS)]
    return [_filled(columns, rows) for columns in wanted]


def _filled(columns: Sequence[str], rows: list[list[object]]) -> Part:
    at = [COLUMNS.index(name) for name in columns]
    kept = [place for place in at if any(row[place] is not None for row in rows)] or at
    return tuple(COLUMNS[place] for place in kept), [[row[place] for place in kept] for row in rows]


def difference(row: Row, plus_minus: str = "+-") -> str | None:
    """To the first decider, with half its interval and whether that is good; `None` for the first."""
    if row.difference is None:
        return None
    width = "" if row.half_width is None else f" {plus_minus}{row.half_width:.2f}"
    mark = {True: " better", False: " worse", None: ""}[row.better]
    return f"{row.difference:+.2f}{width}{mark}"


def _fixed(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def failed(summary: Summary) -> list[str]:
    """A line for each plugin whose calls failed: how many, and why the first did."""
    found: dict[str, str] = {}
    for row in summary.rows:
        if row.failures and row.errors:
            late = f", {row.late} of them late" if row.late else ""
            # Of all groups together the last row is kept.
            found[row.decider] = (
                f"{row.decider}: {row.failures} of {row.calls} calls failed{late}: {'; '.join(row.errors)}"
            )
    return list(found.values())

"""The files of a report: `summary.json`, `report.html` and, if wanted, PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from host.simulator.outcome import Outcome
from host.simulator.report.html import page
from host.simulator.report.png import write_png
from host.simulator.summary import Summary


def write_report(summary: Summary, outcomes: Sequence[Outcome], out: Path, png: bool) -> list[Path]:
    """Writes all of them; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    data, html = out / "summary.json", out / "report.html"
    data.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    html.write_text(page(summary, outcomes), encoding="utf-8")
    return [data, html, *(write_png(outcomes, out) if png else [])]

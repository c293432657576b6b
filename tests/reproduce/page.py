"""The page of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.reproduce.tasks import Cell

HEAD = """# Results of back-tests

Written by `make reproduce`; not edited by hand. Published numbers and ours side by side, on the data that
[get public traces](../how-to/get-public-traces.md) names. What plugins reach is in section F.
"""


def table(cells: Sequence[Cell], digits: int = 2) -> str:
    """A row a row, a column a column: ours, and theirs in brackets."""
    columns = list(dict.fromkeys(cell.column for cell in cells))
    at = {(cell.row, cell.column): cell for cell in cells}
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in dict.fromkeys(cell.row for cell in cells):
        texts = []
        for column in columns:
            cell = at.get((row, column))
            texts.append("" if cell is None else f"{cell.ours:.{digits}f} ({cell.published:.{digits}f})")
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def notes(cells: Sequence[Cell]) -> str:
    """A table with the note of each."""
    lines = ["| | published | ours | |", "|---|---|---|---|"]
    lines += [f"| {cell.row} | {cell.published:g} | {cell.ours:g} | {cell.note} |" for cell in cells]
    return "\n".join(lines)


def write(sections: dict[str, str], path: Path) -> None:
    """Puts the sections into the page, each between its heading and the next; those not given stay as they are."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts: dict[str, str] = {}
    for each in text.split("\n## ")[1:]:
        title, _, body = each.partition("\n")
        parts[title] = body.strip("\n")
    parts.update(sections)
    body = "".join(f"\n## {title}\n\n{parts[title]}\n" for title in sorted(parts))
    path.write_text(HEAD + body, encoding="utf-8")

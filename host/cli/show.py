"""How results are shown: JSON for machines, tables on a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="One line of JSON, for machines."
)

_UNBROKEN = 10  # characters; `plugin list` then fits into 80 columns


def print_json(value: object, *, one_line: bool) -> None:
    """*value* on standard output; spread over lines for a person at a terminal unless *one_line*."""
    spread = sys.stdout.isatty() and not one_line
    separators = None if spread else (",", ":")
    # ASCII where standard output is not UTF-8, so that a value cannot fail to be shown.
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(
        _harmless(
            json.dumps(value, indent=2 if spread else None, separators=separators, ensure_ascii=ascii_only)
        )
    )


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal; elsewhere one line a row, cells separated by tabs, the first line the names."""
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            click.echo("\t".join(cell(value) for value in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    shown = [[cell(value) for value in row] for row in rows]
    for at, column in enumerate(columns):
        # A long name goes on in the next line; nothing is cut off, and no short word is broken.
        words = [word for row in shown for word in row[at].split()] + column.split()
        longest = max((len(word) for word in words), default=1)
        table.add_column(column, overflow="fold", min_width=min(longest, _UNBROKEN))
    for row in shown:
        table.add_row(*(Text(text) for text in row))
    Console().print(table)


def cell(value: object) -> str:
    """One value on one line. What a plugin says of itself cannot move the cursor or change a colour."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def printable(text: str) -> str:
    """*text* with control characters shown as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _harmless(text: str) -> str:
    """JSON that says the same, with what a terminal could take for an order as escapes: C1 controls, turned-around text."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1]  # ASCII alone, surrogate pairs included
        for c in text
    )


def memory(size_bytes: object) -> str:
    """Bytes as a number of MiB, for people."""
    return f"{size_bytes / 1048576:.0f}" if isinstance(size_bytes, int | float) else "-"

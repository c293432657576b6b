"""One plugin as a page for a person at a terminal: times as a clock shows them, sizes in MiB, a line a member."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from host.cli.show import cell, memory

TIMES = {"stateSince", "nextRetry", "atMs", "retryAt", "savedAt"}  # milliseconds since 1970
# What the host starts with is known by then; it is in `--json`.
LEFT_OUT = {"manifest"}


def page(view: Mapping[str, Any], log_lines: list[str]) -> list[tuple[str, object]]:
    """Names and values of *view*, tables in it spread over lines; nothing that is empty.

    Args:
        view: The answer of `plugins.get`.
        log_lines: The last of what it wrote, for one that is down.
    """
    rows = [row for name, value in view.items() if name not in LEFT_OUT for row in _rows(name, value)]
    return rows + [("log" if at == 0 else "", line) for at, line in enumerate(log_lines)]


def _rows(name: str, value: Any) -> Iterator[tuple[str, object]]:
    if value is None or value in ({}, []) or value == "":
        return
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from _rows(f"{name}.{member}", inner)
    elif isinstance(value, list) and any(isinstance(each, str) and " " in each for each in value):
        for at, each in enumerate(value):
            yield name if at == 0 else "", each
    else:
        yield name, _worded(name.rpartition(".")[2], value)


def _worded(member: str, value: Any) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if member in TIMES:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value / 1000.0))
        if member.endswith("Bytes"):
            return f"{memory(value)} MiB"
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value)
    return value

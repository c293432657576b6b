"""Numbers out of the fields of a log line, with the place named when one is none."""

from __future__ import annotations

import math
from pathlib import Path

from host.errors import ConfigError


def number(text: str, path: Path, line: int, what: str) -> float:
    """A finite number.

    Args:
        what: The field as its format calls it, e.g. "field 4 (run time)".

    Raises:
        ConfigError: It is none; names file, line, field and value.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{path}:{line}: {what} is {text[:40]!r}; give a number")
    return value


def header_count(text: str, path: Path, line: int, what: str) -> int:
    """A number of processors or nodes from a header: an integer of 1 or more.

    Raises:
        ConfigError: It is none.
    """
    words = text.split()
    if not (words and words[0].isascii() and words[0].isdigit() and int(words[0]) >= 1):
        raise ConfigError(f"{path}:{line}: {what} is {text.strip()[:40]!r}; give an integer of 1 or more")
    return int(words[0])

"""Following what a plugin writes: what is new since the last look, and how much of that is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

LogMark = Mapping[int, int]
"""How far a follower has come: lines seen, by the version of the plugin that wrote them."""


class LogNews(NamedTuple):
    """Attributes:
    lines: New ones, oldest first; untrusted text.
    lost: New ones before them that are no longer kept.
    mark: For the next look.
    """

    lines: list[str]
    lost: int
    mark: LogMark


def news_of(source: int, seen: int, kept: list[str], mark: LogMark | None) -> LogNews:
    """What of one version's log comes after *mark*.

    Args:
        seen: Lines it has written so far.
        kept: The newest of them.
        mark: `None` for a follower that begins now: nothing is new to it.
    """
    new = 0 if mark is None else seen - mark.get(source, 0)
    lines = kept[-new:] if new > 0 else []
    return LogNews(lines, new - len(lines), {source: seen})

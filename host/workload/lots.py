"""The next outcomes for one plugin: as lines in the message, or as columns in a file that it names.

A plugin that takes columns gets them where there are enough points to make a file worth it; the few that come in one
by one are in the message for everybody, as are all where no file can be written. Either way a lot begins where the
one before ended, and says what was missed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from host.workload.bulk import Bulk
from host.workload.history import History

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Portions:
    """How much is sent at once.

    Attributes:
        snapshot: Points in one `train`, the latest.
        batch: Points in one `learn`.
        frame_bytes: Of either.
        columns: Points in one `train` of a plugin that takes columns.
        batch_columns: Points in one `learn` of such a plugin.
        worth_a_file: Points from which on they are sent to it as columns.
    """

    snapshot: int
    batch: int
    frame_bytes: int = 6 * 1024 * 1024  # what a plugin takes, with room for what is around them
    columns: int = 1_000_000
    batch_columns: int = 100_000
    worth_a_file: int = 1_000


@dataclass(frozen=True)
class Lot:
    """Outcomes for one `learn`.

    Attributes:
        member: The member of its parameters that holds them.
        last_seq: The number up to which the plugin knows them afterwards.
        missed: Points before these that are history no more.
    """

    member: bytes
    last_seq: int
    missed: int


@contextlib.asynccontextmanager
async def next_lot(
    history: History, seq: int, portions: Portions, credit: int | None, bulk: Bulk | None
) -> AsyncIterator[Lot]:
    """The outcomes after number *seq*; a file that holds them is there until the block ends.

    Args:
        credit: Points that the plugin will take at most; `None` where it does not say.
        bulk: Where columns are put; `None` for a plugin that takes none.
    """
    allowed = min(portions.batch_columns, credit if credit is not None else portions.batch_columns)
    async with contextlib.AsyncExitStack() as stack:
        if bulk is not None and min(history.last_seq - seq, allowed) >= portions.worth_a_file:
            stretch = await history.stretch(seq, allowed)
            try:
                ref = await stack.enter_async_context(bulk.stretch(stretch))
            except OSError as error:  # a full disk, above all: then they go the slow way
                log.warning("workload.columns_not_written", extra={"why": error.strerror or str(error)})
            else:
                yield Lot(b'"columns":' + msgspec.json.encode(ref), stretch.last_seq, stretch.missed)
                return
        yield await _lines(history, seq, portions, allowed)


async def _lines(history: History, seq: int, portions: Portions, allowed: int) -> Lot:
    news = await history.later(seq, min(portions.batch, allowed))
    news = news.first(within(news.lines, portions.frame_bytes), seq)
    return Lot(b'"points":[%s]' % b",".join(news.lines), news.last_seq, news.missed)


def within(lines: Sequence[bytes], room: int, *, newest: bool = False) -> list[bytes]:
    """As many of the lines as have room, at least one: from the beginning, or the *newest*."""
    size, count = 0, 0
    for line in reversed(lines) if newest else lines:
        size += len(line) + 1
        if size > room and count:
            break
        count += 1
    return list(lines[len(lines) - count :] if newest else lines[:count])

"""The history as the rest of the host uses it: record, query, count, follow.

Theory of operation. All that is durable is the writer's thread's business (store/). Here is what the event loop sees
of it: callers of `record` wait for their group's commit; the host's own requests are handed over and never waited
for; questions are answered from the index, on a thread where they are large.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from host.clock import Clock
from host.errors import BusyError, RequestError
from host.tasks import finish
from host.workload.config import HistoryConfig
from host.workload.following import News, Stretch, stretch_after
from host.workload.selection import LARGEST_PAGE, Page, Selection
from host.workload.statistics import column, statistics
from host.workload.store.index import Index, Run
from host.workload.store.lines import check_points
from host.workload.store.reading import Reading
from host.workload.store.submission import Submission
from host.workload.store.writer import Writer
from host.workload.training import MOST_ROWS, TrainingWish, training_table
from plugin_sdk.contract.workload import WorkloadDataPoint

T = TypeVar("T")
MOST_TYPES = 100  # each is kept for itself, so their number bounds the whole
CATCH_UP_S = 1.0  # a disk that takes longer has other troubles
BUSY_MS = 1000.0  # a disk of any kind has made room by then
AT_ONCE = 500  # points read on the event loop's thread; more are read on another
CHUNK = 1_000
_EVERYTHING = Selection()


class HistoryStatus(msgspec.Struct, rename="camel", frozen=True):
    """How the history stands, for health, metrics and people.

    Attributes:
        durable: Whether what is recorded now outlives the host.
        why_not: A sentence, when it does not.
        lost: The host's own requests that could not be written, since the start.
        queued: Points handed over and not yet written.
        set_aside: What was found damaged and is kept under another name, a sentence each.
    """

    points: int
    recorded: int
    durable: bool
    why_not: str | None
    lost: int
    queued: int
    commits: int
    failed_commits: int
    set_aside: tuple[str, ...]
    path: str


class History:
    """Use: `await open()`, and `await aclose()`. On the event loop's thread alone.

    Args:
        folder: Where it is kept.
        kept: Whether the folder outlives the host.
    """

    def __init__(self, folder: Path, config: HistoryConfig, clock: Clock, *, kept: bool = True) -> None:
        self._config = config
        self._kept = kept
        self._writer = Writer(folder, config, clock, self._on_settled)
        self._reading = Reading(self._writer)
        self._loop = asyncio.get_running_loop()
        self._queued_points = 0  # of callers, who wait for them
        self._queued_requests = 0  # the host's own
        self._news = asyncio.Event()
        self._open = 0  # submissions that somebody waits for
        self._done = 0  # submissions and requests that are settled, so far
        self.lost = 0

    async def open(self) -> None:
        """Opens what is there. What cannot be opened is said by `status`, and tried again.

        Raises:
            ConfigError: Another host uses the folder.
        """
        try:
            # A thread is not cancelled: it would go on making files in a folder that its owner removes.
            await finish(asyncio.to_thread(self._writer.open))
        except asyncio.CancelledError:
            await finish(self.aclose())
            raise
        self._writer.start()

    async def aclose(self) -> None:
        """Writes what was handed over, and lets go of the file."""
        await asyncio.to_thread(self._writer.close)
        self._reading.close()

    def __len__(self) -> int:
        return len(self._writer.index)

    @property
    def last_seq(self) -> int:
        """How many points were ever recorded."""
        return self._writer.index.last_seq

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now, if so."""
        return self._writer.condition.why

    def status(self) -> HistoryStatus:
        """How it stands."""
        condition = self._writer.condition
        why = condition.why
        if why is None and not self._kept:
            why = "the host was started without --data: its history ends with it"
        return HistoryStatus(
            points=len(self),
            recorded=self.last_seq,
            durable=why is None,
            why_not=why,
            lost=self.lost,
            queued=self._queued_points + self._queued_requests,
            commits=condition.commits,
            failed_commits=condition.failed_commits,
            set_aside=tuple(each.summary() for each in condition.set_aside),
            path=str(self._writer.path),
        )

    async def record(self, points: Sequence[WorkloadDataPoint], key: str | None = None) -> int:
        """Keeps the points, the oldest first; returns how many, once they are on stable storage.

        Args:
            key: The same points under the same key, within a day, are kept once.

        Raises:
            RequestError: A point cannot be kept, or the key stands for others; nothing was recorded.
            BusyError: Too many wait to be written.
            HistoryUnavailableError: They could not be written; nothing was recorded.
        """
        check_points(points)
        self._check_types(points)
        queued = self._queued_points + self._queued_requests
        if queued + len(points) > self._config.queued_points:
            raise BusyError(
                f"{queued} points wait to be written; record fewer, or later", retry_after_ms=BUSY_MS
            )
        if not points:
            return 0
        future: asyncio.Future[int] = self._loop.create_future()
        self._queued_points += len(points)
        self._open += 1
        self._writer.submit(Submission(points, key, token=future))
        return await future

    async def clear(self) -> None:
        """Forgets every point.

        Raises:
            HistoryUnavailableError: It could not be done; all of them are there still.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        self._open += 1
        self._writer.submit(Submission((), clears=True, token=future))
        await future

    def journal(self, point: WorkloadDataPoint) -> bool:
        """Hands over one of the host's own requests; whether there was room. Never waits."""
        if self._queued_requests >= self._config.queued_requests or self._writer.condition.why is not None:
            # While nothing can be written there is no use in a queue; the writer itself looks for better times.
            self.lost += 1
            return False
        self._queued_requests += 1
        self._writer.hand_over(point)
        return True

    async def query(self, selection: Selection) -> Page:
        """The most recent of what is selected: a page of it."""
        await self._catch_up()
        limit = selection.page
        return await self._read(
            lambda index: index.newest(selection, limit + 1),
            partial(_page, limit=limit),
            many=limit > AT_ONCE,
        )

    async def chunks(self, selection: Selection) -> AsyncIterator[list[bytes]]:
        """All that is selected, oldest first, as lines, a bounded number at a time."""
        await self._catch_up()
        index = self._writer.index
        seq, last = 0, index.last_seq
        if selection.limit is not None:
            seq = await asyncio.to_thread(_before_newest, index, selection)
        bounded = msgspec.structs.replace(
            selection, before=min(last + 1, selection.before if selection.before is not None else last + 1)
        )
        while True:
            after = seq
            lines, seqs = await self._read(
                lambda index, after=after: index.later(bounded, after, CHUNK),  # type: ignore[misc]
                lambda rows: _unzipped(rows[:CHUNK]),
                many=True,
            )
            if not lines:
                return
            yield lines
            seq = seqs[-1]

    async def statistics(self, selection: Selection = _EVERYTHING) -> dict[str, Any]:
        """The seed's statistics with quantiles; see statistics.py."""
        return await self._think(statistics, selection)

    async def training(
        self, selection: Selection = _EVERYTHING, wish: TrainingWish | None = None
    ) -> dict[str, Any]:
        """What a model is trained on, at most `MOST_ROWS`, the latest; see training.py."""
        limit = min(MOST_ROWS, selection.limit if selection.limit is not None else MOST_ROWS)
        selection = msgspec.structs.replace(selection, limit=limit)
        return await self._think(partial(training_table, wish=wish or TrainingWish()), selection)

    async def newest(self, limit: int) -> tuple[list[bytes], list[int]]:
        """The newest *limit* points as lines, oldest first, and their numbers."""
        return await self._read(
            lambda index: index.newest(_EVERYTHING, limit),
            lambda rows: _unzipped(rows[-limit:]),
            many=limit > AT_ONCE,
        )

    async def later(self, seq: int, limit: int) -> News:
        """The first *limit* points after number *seq*."""
        known = self.last_seq  # before looking: what is recorded meanwhile is not missed, only later
        lines, seqs = await self._read(
            lambda index: index.later(_EVERYTHING, seq, limit),
            lambda rows: _unzipped(rows[:limit]),
            many=known - seq > AT_ONCE,
        )
        if not lines:
            return News([], [], known, known - seq)
        # Of the points between two that are here, some may be gone: each type is kept for itself.
        return News(lines, seqs, seqs[-1], seqs[-1] - seq - len(lines))

    async def stretch(self, seq: int, limit: int) -> Stretch:
        """Where the first *limit* points after number *seq* are."""
        index = self._writer.index
        return await asyncio.to_thread(stretch_after, index, seq, limit)

    def runs(self, selection: Selection) -> list[list[Run]]:
        """Where the selected points are, as the index has it now; for what reads whole columns, in a thread."""
        return _runs(self._writer.index, selection)

    async def wait_news(self, seq: int) -> None:
        """Returns when there are points after number *seq*."""
        while self.last_seq <= seq:
            self._news.clear()
            if self.last_seq <= seq:
                await self._news.wait()

    async def _catch_up(self) -> None:
        """Waits for what was handed over before this question, so that whoever asked for an answer finds it."""
        handed = self._done + self._open + self._queued_requests
        if self._done < handed:
            self._writer.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while self._done < handed:
                    self._news.clear()
                    await self._news.wait()

    def _check_types(self, points: Sequence[WorkloadDataPoint]) -> None:
        known = self._writer.index.types
        fresh = {point.request_type for point in points if point.request_type not in known}
        if fresh and len(known) + len(fresh) > MOST_TYPES:
            raise RequestError(
                f"there would be {len(known) + len(fresh)} request types, and at most {MOST_TYPES} are kept; "
                "use requestType for the kind of request, and features for what tells them apart",
                path="points",
                value=sorted(fresh)[0][:100],
                hint=f"at most {MOST_TYPES} request types",
            )

    async def _read(
        self,
        choose: Callable[[Index], list[list[Run]]],
        shape: Callable[[list[tuple[int, bytes]]], T],
        *,
        many: bool,
    ) -> T:
        """The rows of the runs that *choose* finds, in the *shape* that is wanted; all of it off the loop's thread
        where there may be *many*."""

        def read() -> T:
            return shape(self._reading.rows(lambda: choose(self._writer.index)))

        if many:
            return await asyncio.to_thread(read)
        found = choose(self._writer.index)
        if all(run.segment.lines is not None for runs in found for run in runs):
            return shape(self._reading.rows(lambda: found))
        return await asyncio.to_thread(read)

    async def _think(self, work: Callable[[list[list[Run]]], T], selection: Selection) -> T:
        await self._catch_up()
        index = self._writer.index
        return await asyncio.to_thread(lambda: work(_runs(index, selection)))

    # --- on the writer's thread, then on the loop's

    def _on_settled(self, group: list[Submission]) -> None:
        self._loop.call_soon_threadsafe(self._settled, group)

    def _settled(self, group: list[Submission]) -> None:
        for each in group:
            count = len(each.points)
            if not each.waits:
                self._done += count
                self._queued_requests -= count
                if isinstance(each.outcome, Exception):
                    self.lost += count
                continue
            self._done += 1
            self._open -= 1
            self._queued_points -= count
            future = each.token
            assert isinstance(future, asyncio.Future)
            if future.done():  # the caller has gone
                continue
            if isinstance(each.outcome, Exception):
                future.set_exception(each.outcome)
            else:
                future.set_result(each.outcome)
        self._news.set()


def _runs(index: Index, selection: Selection) -> list[list[Run]]:
    """All that is selected; with a limit over several types, exactly the newest."""
    found = index.newest(selection, selection.limit)
    if selection.limit is None or len(found) < 2:
        return found
    if sum(len(run.places) for runs in found for run in runs) <= selection.limit:
        return found
    after = _before_newest(index, selection)
    return index.later(selection, after, selection.limit)


def _page(rows: list[tuple[int, bytes]], limit: int) -> Page:
    """The newest *limit* of the rows, and where those before them end."""
    lines, seqs = _unzipped(rows[-limit:])
    return Page([msgspec.Raw(line) for line in lines], seqs, str(seqs[0]) if len(rows) > limit else None)


def _unzipped(rows: list[tuple[int, bytes]]) -> tuple[list[bytes], list[int]]:
    return [line for _, line in rows], [seq for seq, _ in rows]


def _before_newest(index: Index, selection: Selection) -> int:
    """The number before the first of the newest `selection.limit` points."""
    import numpy as np  # not at the host's start

    assert selection.limit is not None
    seqs = column([run for runs in index.newest(selection, selection.limit) for run in runs], "seq")
    if len(seqs) <= selection.limit:
        return int(seqs.min()) - 1 if len(seqs) else index.last_seq
    first = len(seqs) - selection.limit
    return int(np.partition(seqs, first)[first]) - 1


__all__ = ["LARGEST_PAGE", "History", "HistoryStatus", "News", "Stretch"]

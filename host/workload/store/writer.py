"""The one thread that writes: gathers what is submitted, commits it as a group, and keeps the file in shape.

Theory of operation. A submission waits at most `commit_ms` for others; then all are committed at once, the index
is replaced, and only then is anybody told. What nobody waits for lies beside the queue, and only the first of it wakes
the thread: woken for each, it would take the interpreter from the event loop at every request. It waits for
`requests_commit_ms`, since each commit takes the interpreter a dozen times, unless it is to hurry. A disk that is full
refuses the group and is tried again with the next one. Any other error of a commit puts the handle out of use: the
kernel may have dropped pages that it could not write, and a later sync would not say so. The thread then renews the
file (opening.py) before it writes again.
Source: Rebello et al. (2020), Can Applications Recover from fsync Failures?
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from host.clock import Clock
from host.workload.config import HistoryConfig
from host.workload.errors import HistoryUnavailableError, KeyReusedError
from host.workload.store.batch import Deciders
from host.workload.store.compaction import to_merge
from host.workload.store.database import DamagedError, Database, is_full, is_harmless
from host.workload.store.index import Index
from host.workload.store.lines import encode_lines
from host.workload.store.opening import NAME, FolderLock, Opened, open_history, renew
from host.workload.store.planning import plan_group, plan_merge, plan_upkeep
from host.workload.store.segment import Segment, merge
from host.workload.store.submission import Condition, Submission
from plugin_sdk.contract.workload import WorkloadDataPoint

log = logging.getLogger(__name__)

GROUP_POINTS = 16_384  # of one commit, at most
RETRY_S = 1.0  # between two tries to open what could not be opened; doubled with each
RETRY_AT_MOST_S = 60.0
CROWDED_S = 60.0  # between two tries to merge on a disk without room for it
MOST_SEGMENTS = 512  # of one type: each question looks at every one
UPKEEP_S = 5.0  # between two looks at what is too old, and at segments to merge when nothing is written
KEYS_KEPT_MS = 24 * 3600 * 1000.0
KEYS_LOOKED_AT_MS = 3600 * 1000.0
_SOMETHING = object()  # in the queue: something unhurried has come
_HURRY = object()  # in the queue: somebody waits for what is unhurried after all


class Writer:
    """Use: `open()`, then `start()`, `submit(...)`, and `close()`.

    Args:
        on_settled: Called on the writer's thread after each group, with the submissions in order; must not block.
    """

    def __init__(
        self,
        folder: Path,
        config: HistoryConfig,
        clock: Clock,
        on_settled: Callable[[list[Submission]], None],
    ) -> None:
        self.folder = folder
        self.index = Index()
        self.condition = Condition()
        self.generation = 0  # counts the files that were the history; readers open theirs anew
        self._config = config
        self._commit_s = config.commit_ms / 1000.0
        self._requests_commit_s = config.requests_commit_ms / 1000.0
        self._clock = clock
        self._on_settled = on_settled
        self._queue: queue.SimpleQueue[Submission | str | object | None] = queue.SimpleQueue()
        self._unhurried: deque[WorkloadDataPoint] = deque()
        self._is_told = False  # the thread knows, or is about to, that there is something unhurried
        self._database: Database | None = None
        self._lock: FolderLock | None = None
        self._doubt: str | None = None  # why the file must be renewed before it is written again
        self._tried = 0.0
        self._tidied = 0.0
        self._crowded_until = 0.0
        self._committed = 0.0
        self._forgot_ms = 0.0
        self._retry_s = RETRY_S
        self._deciders = Deciders()
        self._thread: threading.Thread | None = None

    @property
    def path(self) -> Path:
        return self.folder / NAME

    def open(self) -> None:
        """Opens the file; when it cannot be, says why in `condition`, and is tried again later.

        Raises:
            ConfigError: Another host uses the folder.
        """
        self._tried = time.monotonic()
        try:
            if self._lock is None:
                self._lock = FolderLock(self.folder)
            if self._doubt is not None:
                opened = renew(self.folder, self._doubt, acknowledged=self.index.last_seq)
            else:
                opened = open_history(self.folder)
        except (sqlite3.Error, OSError) as error:
            self._retry_s = min(2 * self._retry_s, RETRY_AT_MOST_S)
            self._unwell(f"the history in {self.folder} cannot be opened: {_said(error)}")
            return
        self._take(opened)

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="history:writer", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission) -> None:
        """Hands over what somebody waits for. Never blocks; the caller bounds how many wait."""
        self._queue.put(submission)

    def hand_over(self, point: WorkloadDataPoint) -> None:
        """Hands over a point that nobody waits for. Never blocks; the caller bounds how many wait."""
        self._unhurried.append(point)
        if not self._is_told:
            self._is_told = True
            self._queue.put(_SOMETHING)

    def hurry(self) -> None:
        """What was handed over waits no longer than what somebody waits for."""
        self._queue.put(_HURRY)

    def doubt(self, why: str) -> None:
        """A reader has found damage: the file is to be renewed."""
        self._queue.put(why)

    def close(self) -> None:
        """Writes what was submitted, and lets go of the file."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._database is not None:
            try:
                self._database.checkpoint(all_of_it=True)
            except sqlite3.Error as error:
                log.warning("history.not_checkpointed", extra={"why": str(error)})
            self._database.close()
        if self._lock is not None:
            self._lock.close()

    # --- the thread

    def _run(self) -> None:
        while True:
            group, goes_on = self._gather()
            if group:
                self._settle(group)
            elif self._database is None and self._may_try():
                self.open()
            if not goes_on:
                return
            if self._database is not None:
                self._keep_in_shape(idle=not group)

    def _gather(self) -> tuple[list[Submission], bool]:
        """The next group; empty when there was nothing for a while. And whether there may be more."""
        group: list[Submission] = []
        size, until = 0, time.monotonic() + (UPKEEP_S if self._database is not None else RETRY_S)
        while size < GROUP_POINTS:
            try:
                each = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if each is None:
                return group + self._take_unhurried(), False
            if isinstance(each, str):
                self._out_of_use(each)
                break
            # The first waits no longer than its share of time since the last commit: alone, not at all.
            patience_s = self._requests_commit_s if each is _SOMETHING else self._commit_s
            until = min(until, self._committed + patience_s)
            if isinstance(each, Submission):
                group += self._take_unhurried()  # what came before it stays before it
                group.append(each)
                size += len(each.points)
        return group + self._take_unhurried(), True

    def _take_unhurried(self) -> list[Submission]:
        self._is_told = False  # first: who comes from now on wakes the thread again
        points = [self._unhurried.popleft() for _ in range(len(self._unhurried))]
        return [Submission(points, waits=False)] if points else []

    def _settle(self, group: list[Submission]) -> None:
        if self._database is None and self._may_try():
            self.open()
        if self._database is None:
            refused = HistoryUnavailableError(f"{self.condition.why}; the points were not recorded")
            for each in group:
                each.outcome = refused
        else:
            self._write(group, self._database)
        self._on_settled(group)

    def _write(self, group: list[Submission], database: Database) -> None:
        now_ms = self._clock.wall_ms()
        try:
            fresh = self._fresh(group, database)
            change, index = plan_group(fresh, self.index, self._config, self._deciders, now_ms)
            if fresh:
                database.commit(change)
        except Exception as error:  # whatever it is, nobody may be told that the points are kept
            self._failed(group, error)
            return
        finally:
            self._committed = time.monotonic()
        if fresh:
            self.index = index
            self._well()

    def _fresh(self, group: list[Submission], database: Database) -> list[Submission]:
        """Those that are to be written: not what was written before under the same key."""
        keyed = [each.key for each in group if each.key is not None]
        known = database.known_keys(keyed) if keyed else {}
        fresh = []
        for each in group:
            each.lines = encode_lines(each.points)
            each.outcome = len(each.lines)
            if each.key is not None:
                digest = each.digest()
                before = known.get(each.key)
                if before is not None:
                    each.outcome = before[1] if before[0] == digest else _reused(each.key)
                    continue
                known[each.key] = (digest, len(each.lines))
            fresh.append(each)
        return fresh

    # --- shape

    def _keep_in_shape(self, *, idle: bool) -> None:
        assert self._database is not None
        now = time.monotonic()
        try:
            if now - self._tidied >= UPKEEP_S:
                self._tidied = now
                self._drop_the_old()
            if now < self._crowded_until:
                return
            busy = not self._queue.empty()
            for kind, segments in self.index.types.items():
                # While there is much to write, only what must be merged is.
                if not busy or len(segments) > MOST_SEGMENTS:
                    self._merge_once(kind, segments, self._database)
            self._database.checkpoint()
        except Exception as error:
            if is_full(error) and self.condition.why is None:
                # To merge takes room beside what is there. That there is none for it says nothing of the points: those
                # are on the disk, and the next commit says whether it takes more.
                self._crowded_until = now + CROWDED_S
                log.warning("history.not_merged", extra={"why": f"no room on the disk of {self.folder}"})
                return
            self._failed([], error)

    def _drop_the_old(self) -> None:
        assert self._database is not None
        now_ms = self._clock.wall_ms()
        change, index = plan_upkeep(self.index, self._config, now_ms)
        forget = now_ms - self._forgot_ms >= KEYS_LOOKED_AT_MS
        if not (forget or change.delete or change.dropped or self.condition.why):
            return
        if forget:
            change.forget_keys_before_ms, self._forgot_ms = now_ms - KEYS_KEPT_MS, now_ms
        # Writes a page in any case, so that a disk with room again is noticed.
        change.last_seq = self.index.last_seq
        self._database.commit(change)
        self.index = index
        self._well()

    def _merge_once(self, kind: str, segments: tuple[Segment, ...], database: Database) -> None:
        found = to_merge([segment.count for segment in segments])
        if found is None:
            return
        start, stop = found
        parts = segments[start:stop]
        lines = []
        for segment in parts:
            text = segment.lines if segment.lines is not None else database.lines(segment)
            if text is None:
                raise DamagedError(f"the segment at {segment.key} is gone")
            lines.append(text)
        change, index = plan_merge(self.index, kind, start, stop, merge(parts, lines), self._config)
        database.commit(change)
        self.index = index

    # --- trouble

    def _failed(self, group: list[Submission], error: Exception) -> None:
        self.condition.failed_commits += 1
        if is_full(error):
            why = f"there is no room on the disk of {self.folder}: free some"
            self._unwell(why)
        elif is_harmless(error):
            why = f"the history in {self.path} cannot be written now: {_said(error)}"
            self._unwell(why)
        else:
            why = f"the history in {self.path} cannot be written: {_said(error)}"
            if not isinstance(error, sqlite3.Error | OSError | DamagedError):
                log.error("history.bug", exc_info=error)
            self._out_of_use(why)
        refused = HistoryUnavailableError(f"{why}; the points were not recorded")
        for each in group:
            each.outcome = refused

    def _out_of_use(self, why: str) -> None:
        """This handle is not used again; the file is renewed before the next write."""
        if self._database is not None:
            self._database.close()
            self._database = None
        self._doubt = why
        self._tried = -RETRY_AT_MOST_S
        self._unwell(why)

    def _unwell(self, why: str) -> None:
        if self.condition.why is None:
            self.condition.since_ms = self._clock.wall_ms()
        if self.condition.why != why:
            log.error("history.not_durable", extra={"why": why})
        self.condition.why = why

    def _well(self) -> None:
        self.condition.commits += 1
        if self.condition.why is not None:
            log.info("history.recovered", extra={"was": self.condition.why})
            self.condition.why = None

    def _may_try(self) -> bool:
        return time.monotonic() - self._tried >= self._retry_s

    def _take(self, opened: Opened) -> None:
        self._database = opened.database
        self._doubt = None
        self._retry_s = RETRY_S
        types: dict[str, tuple[Segment, ...]] = {}
        for segment in opened.segments:
            types[segment.type] = (*types.get(segment.type, ()), segment)
        self.index = Index(types, max(opened.database.last_seq, self.index.last_seq))
        self.generation += 1
        self._well()
        if opened.set_aside is not None:
            self.condition.set_aside.append(opened.set_aside)


def _reused(key: str) -> KeyReusedError:
    return KeyReusedError(
        f"the idempotency key {key[:100]!r} stands for other points; give each set of points a key of its own",
        path="key",
        value=key[:100],
        hint="give each set of points a key of its own",
    )


def _said(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", None)
    text = getattr(error, "strerror", None) or str(error)
    return f"{text} ({name})" if name else text

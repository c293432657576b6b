"""Watches the outcomes as they are recorded, beside everything else, and tells of each drift once.

When points come faster than they can be looked at, some are passed over: a change of distribution shows in those
that are not.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from host.workload.drift.adwin import Adwin, Change
from host.workload.drift.scale import Scale
from host.workload.errors import HistoryUnavailableError
from host.workload.history import History
from host.workload.store.lines import decode_line
from plugin_sdk.contract.workload import WorkloadDataPoint

log = logging.getLogger(__name__)

ERROR = "prediction error"
MOST_FEATURES = 64  # of one host: each costs some KiB and microseconds a point
LOT = 500  # points looked at together
BEHIND = 5_000  # points; further behind, the watch goes on with the newest
REMEMBERED = 10_000  # predictions whose outcomes may yet come
RETRY_S = 5.0
_FEATURES = b'"features":'  # the host's own records of requests have none, and are not looked at


class Drift(msgspec.Struct, rename="camel", frozen=True):
    """What has changed: `feature` of outcomes of `type`, or `prediction error`.

    Fields:
        before, after: Means of the older and the newer part of the window, on the scale of scale.py (errors: the
            absolute logarithm of predicted over true, e, as e / (1 + e)).
        old, new: How many outcomes each part had.
    """

    type: str
    feature: str
    before: float
    after: float
    old: int
    new: int


class DriftWatch:
    """Use: `expect` predictions, and `run` as a task.

    Args:
        tell: Called with each drift, on the event loop's thread.
    """

    def __init__(self, tell: Callable[[Drift], None]) -> None:
        self._tell = tell
        self._tests: dict[tuple[str, str], tuple[Scale | None, Adwin]] = {}
        self._expected: OrderedDict[str, float] = OrderedDict()

    def expect(self, request_id: str, predicted_ms: float) -> None:
        """A prediction was given; its outcome may name the request."""
        self._expected[request_id] = predicted_ms
        if len(self._expected) > REMEMBERED:
            self._expected.popitem(last=False)

    async def run(self, history: History) -> None:
        """Looks at what is recorded from now on, until it is cancelled."""
        seq = history.last_seq
        while True:
            await history.wait_news(seq)
            seq = max(seq, history.last_seq - BEHIND)
            try:
                news = await history.later(seq, LOT)
            except HistoryUnavailableError:
                await asyncio.sleep(RETRY_S)
                continue
            seq = news.last_seq
            outcomes = [line for line in news.lines if _FEATURES in line]
            if not outcomes:
                continue
            for drift in await asyncio.to_thread(self._observe_lines, outcomes):
                log.warning("workload.drift", extra=msgspec.to_builtins(drift))
                self._tell(drift)

    def _observe_lines(self, lines: Sequence[bytes]) -> list[Drift]:
        return self.observe([decode_line(line) for line in lines])

    def observe(self, points: Sequence[WorkloadDataPoint]) -> list[Drift]:
        """Takes outcomes, oldest first; what has drifted."""
        found = []
        for point in points:
            if not point.features:  # the host's own record of a request
                continue
            for name, value in point.features.items():
                change = self._feature(point.request_type, name, value)
                if change is not None:
                    found.append(Drift(point.request_type, name, *change))
            change = self._error(point)
            if change is not None:
                found.append(Drift(point.request_type, ERROR, *change))
        return found

    def _feature(self, kind: str, name: str, value: Any) -> Change | None:
        test = self._tests.get((kind, name))
        if test is None:
            if len(self._tests) >= MOST_FEATURES:
                return None
            test = self._tests[kind, name] = (Scale(), Adwin())
        scale, adwin = test
        assert scale is not None
        scaled = scale.of(value)
        return adwin.add(scaled) if scaled is not None else None

    def _error(self, point: WorkloadDataPoint) -> Change | None:
        expected = self._expected.pop(point.request_id, None) if point.request_id is not None else None
        if expected is None:
            return None
        error = abs(math.log((max(expected, 0.0) + 1.0) / (point.duration + 1.0)))
        _, adwin = self._tests.setdefault((point.request_type, ERROR), (None, Adwin()))
        return adwin.add(error / (1.0 + error))

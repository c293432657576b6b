"""What the writer's thread is woken for, and the order in which it takes what was handed over."""

from __future__ import annotations

import pytest

from host.clock import SystemClock
from host.workload.config import HistoryConfig
from host.workload.store.submission import Submission
from host.workload.store.writer import Writer
from plugin_sdk.contract.workload import WorkloadDataPoint


@pytest.fixture
def writer(tmp_path):
    """One whose thread does not run: the test gathers in its place."""
    return Writer(tmp_path, HistoryConfig(commit_ms=0.0), SystemClock(), lambda group: None)


def submission(number, *, waits):
    return Submission((WorkloadDataPoint(float(number), "resource", {}, 1.0, True),), waits=waits)


def gathered(writer):
    group, goes_on = writer._gather()
    return [int(each.points[0].timestamp) for each in group], goes_on


def test_many_that_nobody_waits_for_wake_the_thread_once(writer):
    for number in range(100):
        writer.submit(submission(number, waits=False))
    assert writer._queue.qsize() == 1
    assert gathered(writer) == (list(range(100)), True)
    writer.submit(submission(100, waits=False))
    assert writer._queue.qsize() == 1
    assert gathered(writer) == ([100], True)


def test_what_somebody_waits_for_stays_behind_what_came_before_it(writer):
    for number, waits in enumerate([False, True, False, False, True]):
        writer.submit(submission(number, waits=waits))
    taken: list[int] = []
    while len(taken) < 5:
        taken += gathered(writer)[0]
    assert sorted(taken) == [0, 1, 2, 3, 4]
    assert taken.index(0) < taken.index(1) < taken.index(4)
    assert [each for each in taken if each in (0, 2, 3)] == [0, 2, 3]
    assert taken.index(3) < taken.index(4)


def test_what_nobody_waits_for_is_taken_before_the_end(writer):
    writer.submit(submission(1, waits=False))
    writer._queue.get()  # the thread was told, and has not looked yet
    writer._queue.put(None)
    assert gathered(writer) == ([1], False)

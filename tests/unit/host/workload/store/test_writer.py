"""What the writer's thread is woken for, and the order in which it takes what was handed over."""

from __future__ import annotations

import time

import pytest

from host.clock import SystemClock
from host.workload.config import HistoryConfig
from host.workload.store.submission import Submission
from host.workload.store.writer import Writer
from plugin_sdk.contract.workload import WorkloadDataPoint


@pytest.fixture
def writer(tmp_path):
    """One whose thread does not run: the test gathers in its place."""
    return made(tmp_path, requests_commit_ms=0.0)


def made(folder, **settings):
    return Writer(folder, HistoryConfig(commit_ms=0.0, **settings), SystemClock(), lambda group: None)


def point(number):
    return WorkloadDataPoint(float(number), "resource", {}, 1.0, True)


def give(writer, number, *, waits):
    if waits:
        writer.submit(Submission((point(number),)))
    else:
        writer.hand_over(point(number))


def gathered(writer):
    group, goes_on = writer._gather()
    return [int(point.timestamp) for each in group for point in each.points], goes_on


def test_many_that_nobody_waits_for_wake_the_thread_once(writer):
    for number in range(100):
        give(writer, number, waits=False)
    assert writer._queue.qsize() == 1
    assert gathered(writer) == (list(range(100)), True)
    give(writer, 100, waits=False)
    assert writer._queue.qsize() == 1
    assert gathered(writer) == ([100], True)


def test_what_somebody_waits_for_stays_behind_what_came_before_it(writer):
    for number, waits in enumerate([False, True, False, False, True]):
        give(writer, number, waits=waits)
    taken: list[int] = []
    while len(taken) < 5:
        taken += gathered(writer)[0]
    assert sorted(taken) == [0, 1, 2, 3, 4]
    assert taken.index(0) < taken.index(1) < taken.index(4)
    assert [each for each in taken if each in (0, 2, 3)] == [0, 2, 3]
    assert taken.index(3) < taken.index(4)


def test_what_nobody_waits_for_is_taken_before_the_end(writer):
    give(writer, 1, waits=False)
    writer._queue.get()  # the thread was told, and has not looked yet
    writer._queue.put(None)
    assert gathered(writer) == ([1], False)


@pytest.mark.parametrize("somebody_waits", ["for a point of his own", "for what was handed over"])
def test_what_nobody_waits_for_waits_no_longer_than_what_somebody_waits_for(tmp_path, somebody_waits):
    writer = made(tmp_path, requests_commit_ms=1e9)  # one that waited for so long would not come back
    writer._committed = time.monotonic()
    give(writer, 1, waits=False)
    if somebody_waits == "for a point of his own":
        give(writer, 2, waits=True)
    else:
        writer.hurry()
    group, goes_on = gathered(writer)
    assert group[0] == 1
    assert goes_on

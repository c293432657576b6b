"""The history as the host uses it, on a real file."""

from __future__ import annotations

import asyncio
import sqlite3

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.clock import SystemClock
from host.errors import BusyError, ConfigError, RequestError
from host.workload.config import HistoryConfig
from host.workload.errors import KeyReusedError
from host.workload.history import MOST_TYPES, History
from host.workload.selection import Selection
from host.workload.store.database import Database
from host.workload.store.lines import decode_line
from plugin_sdk.contract.workload import WorkloadDataPoint

TYPES = ["resource", "scheduling", "own-word"]
POINTS = st.lists(
    st.builds(
        WorkloadDataPoint,
        timestamp=st.integers(0, 20).map(float),
        request_type=st.sampled_from(TYPES),
        resource_usage=st.dictionaries(st.sampled_from(["cpu", "gpu"]), st.floats(0, 9), max_size=2),
        duration=st.floats(0, 1e6),
        success=st.booleans(),
        metadata=st.sampled_from([{}, {"decidedBy": "forest@1.0.0"}, {"decidedBy": "builtin:easy"}]),
        features=st.dictionaries(st.sampled_from(["user", "procs"]), st.integers(0, 3) | st.text(max_size=2)),
    ),
    max_size=40,
)
SELECTIONS = st.builds(
    Selection,
    type=st.none() | st.sampled_from(TYPES),
    start=st.none() | st.integers(0, 20).map(float),
    end=st.none() | st.integers(0, 20).map(float),
    limit=st.none() | st.integers(1, 30),
    plugin=st.sampled_from([None, None, "forest", "nobody"]),
)
THOROUGH = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def point(n, kind="resource", **more):
    return WorkloadDataPoint(float(n), kind, {"cpu": 1.0}, 5.0, n % 2 == 0, **more)


def decoded(page):
    return [decode_line(line) for line in page.points]


def times(points):
    return [int(each.timestamp) for each in points]


def fitting(points, wanted):
    found = [
        each
        for each in points
        if (wanted.type is None or each.request_type == wanted.type)
        and (wanted.start is None or each.timestamp >= wanted.start)
        and (wanted.end is None or each.timestamp <= wanted.end)
        and (wanted.plugin is None or each.metadata.get("decidedBy", "").partition("@")[0] == wanted.plugin)
    ]
    return found if wanted.limit is None else found[-wanted.limit :]


@given(POINTS, SELECTIONS, st.integers(1, 7))
@THOROUGH
async def test_a_selection_is_the_newest_of_those_that_fit_oldest_first(histories, points, wanted, batch):
    history = await histories()
    await history.clear()
    for start in range(0, len(points), batch):
        await history.record(points[start : start + batch])
    right = fitting(points, wanted)
    assert decoded(await history.query(wanted)) == right
    assert (await history.training(wanted))["labels"] == [int(each.success) for each in right]
    exported = [line async for lines in history.chunks(wanted) for line in lines]
    assert [decode_line(line) for line in exported] == right
    stats = await history.statistics(wanted)
    assert stats["totalRequests"] == len(right) == sum(each["count"] for each in stats["byType"].values())
    for kind, each in stats["byType"].items():
        durations = [one.duration for one in right if one.request_type == kind]
        expected = np.quantile(durations, [0.5, 0.95, 0.99])
        assert [each["duration"][name] for name in ("p50", "p95", "p99")] == pytest.approx(list(expected))
        assert each["avgDuration"] == pytest.approx(np.mean(durations))
    await history.aclose()


async def test_pages_follow_each_other_to_the_oldest_point_each_point_once(histories):
    history = await histories()
    await history.record([point(n, TYPES[n % 3]) for n in range(95)])
    pages, cursor = [], None
    while True:
        page = await history.query(Selection(limit=20, before=None if cursor is None else int(cursor)))
        pages.append(times(decoded(page)))
        cursor = page.cursor
        if cursor is None:
            break
    assert [len(page) for page in pages] == [20, 20, 20, 20, 15]
    assert [time for page in reversed(pages) for time in page] == list(range(95))


async def test_an_answer_is_bounded_although_no_limit_was_named(histories):
    history = await histories(points=20_000)
    await history.record([point(n) for n in range(12_000)])
    page = await history.query(Selection())
    assert (len(page.points), page.cursor) == (1_000, "11001")
    page = await history.query(Selection(limit=1_000_000))
    assert (len(page.points), page.cursor) == (10_000, "2001")


async def test_what_was_recorded_is_there_for_the_next_host_to_the_last_member(histories):
    rich = WorkloadDataPoint(
        1.7e12, "scheduling", {"procs": 8.0}, 412_000.0, True, {"jobId": "41"}, {"user": "mia", "n": 3}, "r-1"
    )
    history = await histories()
    await history.record([rich, point(2)])
    await history.aclose()
    again = await histories()
    assert decoded(await again.query(Selection())) == [rich, point(2)]
    assert again.last_seq == 2
    await again.record([point(3)])
    assert again.last_seq == 3


async def test_each_type_keeps_its_newest_points_and_no_more(histories):
    history = await histories(points=10)
    await history.record([point(n, "scheduling") for n in range(4)])
    for start in range(0, 35, 3):
        await history.record([point(n) for n in range(start, start + 3)])
    assert times(decoded(await history.query(Selection(type="resource")))) == list(range(26, 36))
    assert times(decoded(await history.query(Selection(type="scheduling")))) == [0, 1, 2, 3]
    await history.aclose()
    again = await histories(points=10)
    assert len(again) == 14


async def test_points_are_dropped_when_they_are_too_old(histories, eventually):
    class Clock(SystemClock):
        ahead_ms = 0.0

        def wall_ms(self):
            return super().wall_ms() + self.ahead_ms

    clock = Clock()
    history = await histories(clock=clock, max_age_s=3600.0)
    await history.record([point(1)])
    clock.ahead_ms = 3_599_000.0
    await history.record([point(2)])
    assert len(history) == 2
    clock.ahead_ms = 3_700_000.0
    await history.record([point(3)])
    assert times(decoded(await history.query(Selection()))) == [2, 3]


async def test_the_same_points_under_the_same_key_are_kept_once_by_the_next_host_too(histories):
    history = await histories()
    points = [point(1), point(2)]
    assert await history.record(points, "k") == 2
    assert await history.record(points, "k") == 2
    twice = await asyncio.gather(history.record(points, "other"), history.record(points, "other"))
    assert twice == [2, 2]
    assert len(history) == 4
    await history.aclose()
    again = await histories()
    assert await again.record(points, "k") == 2
    assert len(again) == 4
    with pytest.raises(KeyReusedError, match="stands for other points"):
        await again.record([point(3)], "k")


async def test_what_came_after_a_number_comes_in_order_and_what_is_gone_is_told(histories):
    history = await histories(points=10)
    await history.record([point(n) for n in range(6)])
    news = await history.later(2, 3)
    assert ([int(decode_line(each).timestamp) for each in news.lines], news.last_seq, news.missed) == (
        [2, 3, 4],
        5,
        0,
    )
    await history.record([point(n) for n in range(6, 16)])
    news = await history.later(2, 100)
    assert ([int(decode_line(each).timestamp) for each in news.lines], news.missed) == (list(range(6, 16)), 4)
    assert (await history.later(16, 5)).lines == []


async def test_whoever_waits_for_news_is_woken_by_them(histories):
    history = await histories()
    waiting = asyncio.ensure_future(history.wait_news(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await history.record([point(1)])
    async with asyncio.timeout(20):
        await waiting


async def test_the_hosts_own_requests_are_handed_over_and_found_by_whoever_asks_next(histories):
    history = await histories(requests_commit_ms=1e6)
    assert await history.record([point(1)]) == 1  # the next commit would not be due for a long time
    assert history.journal(point(2))
    assert history.journal(point(3))
    assert (await history.statistics())["totalRequests"] == 3
    assert history.status().queued == 0


async def test_requests_over_the_bound_are_let_go_and_counted(histories):
    history = await histories(queued_requests=3)
    taken = [history.journal(point(n)) for n in range(10)]  # no turn of the loop, so none is settled
    assert taken == [True] * 3 + [False] * 7
    assert history.status().lost == 7
    assert (await history.statistics())["totalRequests"] == 3


async def test_callers_over_the_bound_are_refused_and_told_to_come_again(histories):
    history = await histories(queued_points=5)
    with pytest.raises(BusyError):
        await history.record([point(n) for n in range(6)])
    assert await history.record([point(1)]) == 1


@pytest.mark.parametrize(
    ("bad", "member"),
    [
        (WorkloadDataPoint(float("nan"), "a", {}, 1.0, True), "timestamp"),
        (WorkloadDataPoint(1.0, "a", {}, -1.0, True), "duration"),
        (WorkloadDataPoint(1.0, "a", {}, float("inf"), True), "duration"),
        (WorkloadDataPoint(1.0, "", {}, 1.0, True), "requestType"),
        (WorkloadDataPoint(1.0, "a", {"cpu": float("inf")}, 1.0, True), "resourceUsage.cpu"),
    ],
)
async def test_a_point_that_cannot_be_kept_is_named_and_nothing_is_recorded(histories, bad, member):
    history = await histories()
    with pytest.raises(RequestError, match=r"points\[1\]\." + member):
        await history.record([point(1), bad])
    assert len(history) == 0


async def test_request_types_are_bounded_in_number(histories):
    history = await histories()
    await history.record([point(n, f"type-{n}") for n in range(MOST_TYPES)])
    with pytest.raises(RequestError, match="request types"):
        await history.record([point(1, "one-more")])
    assert await history.record([point(1, "type-5")]) == 1


async def test_outcomes_are_found_under_the_plugin_that_decided_the_request(histories):
    history = await histories()
    history.journal(point(1, metadata={"decidedBy": "forest@1.2.0"}, request_id="r-1"))
    await history.record([point(2, features={"user": "mia"}, request_id="r-1"), point(3, request_id="r-2")])
    assert times(decoded(await history.query(Selection(plugin="forest")))) == [1, 2]


async def test_two_hosts_do_not_share_a_folder(histories, tmp_path):
    await histories()
    other = History(tmp_path / "history", HistoryConfig(), SystemClock())
    with pytest.raises(ConfigError, match="another host"):
        await other.open()


async def test_without_a_folder_of_its_own_the_history_says_that_it_ends_with_the_host(histories):
    status = (await histories(kept=False)).status()
    assert not status.durable
    assert "--data" in status.why_not
    assert msgspec.json.decode(msgspec.json.encode(status))["durable"] is False


async def test_clearing_forgets_all_and_counts_on(histories):
    history = await histories()
    await history.record([point(n) for n in range(5)])
    await history.clear()
    assert len(history) == 0
    assert await history.statistics() == {
        "totalRequests": 0,
        "successRate": 0.0,
        "avgDuration": 0.0,
        "byType": {},
    }
    await history.record([point(9)])
    assert (len(history), history.last_seq) == (1, 6)


async def test_old_points_are_read_from_disk_when_memory_holds_the_newest_alone(histories):
    history = await histories(lines_bytes=20_000)
    for start in range(0, 3000, 100):
        await history.record([point(n) for n in range(start, start + 100)])
    assert times(decoded(await history.query(Selection(limit=3000)))) == list(range(3000))


async def test_a_disk_without_room_for_merging_is_one_that_still_takes_points(
    histories, monkeypatch, eventually
):
    commit, refused = Database.commit, []

    def crowded(self, change):
        if change.add and change.delete:
            refused.append(change)
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        commit(self, change)

    monkeypatch.setattr(Database, "commit", crowded)
    history = await histories(points=1000, commit_ms=0.1)
    for n in range(100):
        await history.record([point(n)])
    await eventually(lambda: refused != [])
    assert (history.trouble, history.status().durable) == (None, True)
    await history.record([point(100)])
    assert len(refused) == 1, "it is not tried again at once"
    assert len(decoded(await history.query(Selection()))) == 101


async def test_an_opening_that_is_cancelled_lets_go_of_the_folder(tmp_path):
    history = History(tmp_path / "history", HistoryConfig(), SystemClock())
    opening = asyncio.create_task(history.open())
    await asyncio.sleep(0)  # its thread has begun
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    other = History(tmp_path / "history", HistoryConfig(), SystemClock())
    await other.open()
    await other.aclose()

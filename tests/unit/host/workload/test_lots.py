"""The next outcomes for a plugin, as lines or as columns: each once, in order, whatever comes between."""

from __future__ import annotations

import random

import msgspec
import pytest

from host.clock import SystemClock
from host.registry.learning import Learning
from host.workload.bulk import Bulk
from host.workload.lesson import hand_over
from host.workload.lots import Portions, within
from plugin_sdk.contract.limits import Limits
from plugin_sdk.contract.messages import Capability, ColumnsRef, LearnParams
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.shared import map_columns

PORTIONS = Portions(snapshot=10, batch=10, batch_columns=50, worth_a_file=20)


def outcome(n):
    return WorkloadDataPoint(float(n), ("resource", "scheduling", "own")[n * n % 3], {}, 1.0, True)


class Pupil:
    """Takes what it is sent in either form, and keeps the numbers."""

    def __init__(self, bulk, *, columns=True, credits=()):
        self.name, self.epoch, self.trained_points, self.restored = "a", 1, 0, None
        self.limits, self.learning = Limits(), Learning()
        self.capabilities = {"learn": Capability(columns=columns)}
        self.bulk, self.credits = bulk, iter(credits)
        self.numbers, self.lots = [], []

    async def call(self, method, params, *, deadline):
        told = msgspec.json.decode(params, type=LearnParams)
        if told.reset:
            self.numbers.clear()
        if isinstance(told.columns, ColumnsRef):
            assert not told.points
            block = map_columns(str(self.bulk.folder), told.columns)
            got = [int(each) for each in block.view("timestamp")]
            assert block.count == told.columns.count == len(got)
            self.lots.append(("columns", len(got)))
        else:
            got = [int(each.timestamp) for each in told.points]
            self.lots.append(("points", len(got)))
        self.numbers += got
        credit = next(self.credits, None)
        return msgspec.Raw(b'{"accepted":1}' if credit is None else b'{"accepted":1,"credit":%d}' % credit)


@pytest.fixture
async def bulk(histories, tmp_path):
    made = Bulk(tmp_path / "bulk" / "shared", await histories(points=1000))
    yield made
    made.close()


async def teach(bulk, pupil, seq=0):
    reached = [seq]
    done = await hand_over(pupil, bulk._history, seq, PORTIONS, SystemClock(), reached.append, bulk)
    return reached[-1], done


async def test_many_come_as_columns_and_few_as_points(bulk):
    await bulk._history.record([outcome(n) for n in range(130)])
    pupil = Pupil(bulk)
    assert await teach(bulk, pupil) == (130, True)
    assert pupil.lots == [("columns", 50), ("columns", 50), ("columns", 30)]
    await bulk._history.record([outcome(n) for n in range(130, 137)])
    assert await teach(bulk, pupil, 130) == (137, True)
    assert pupil.lots[3:] == [("points", 7)]
    assert pupil.numbers == list(range(137))


async def test_a_plugin_that_takes_no_columns_is_sent_none(bulk):
    await bulk._history.record([outcome(n) for n in range(130)])
    pupil = Pupil(bulk, columns=False)
    await teach(bulk, pupil)
    assert pupil.lots == [("points", 10)] * 13
    assert list(bulk.folder.iterdir()) == []


async def test_a_credit_bounds_a_lot_of_columns_too_and_no_credit_ends_it(bulk):
    await bulk._history.record([outcome(n) for n in range(130)])
    pupil = Pupil(bulk, credits=[25, 5, 40, 0])
    assert await teach(bulk, pupil) == (120, False)
    assert pupil.lots == [("columns", 50), ("columns", 25), ("points", 5), ("columns", 40)]
    assert pupil.numbers == list(range(120))


async def test_what_history_let_go_of_is_told_as_missed(histories, tmp_path):
    bulk = Bulk(tmp_path / "bulk" / "shared", await histories(points=40))
    await bulk._history.record([outcome(n) for n in range(400)])
    pupil = Pupil(bulk)
    reached, _ = await teach(bulk, pupil)
    assert reached == 400
    assert pupil.learning.missed == 400 - len(pupil.numbers)
    assert pupil.numbers == sorted(set(pupil.numbers))
    bulk.close()


async def test_plugins_that_start_together_share_one_file(bulk):
    await bulk._history.record([outcome(n) for n in range(45)])
    for _ in range(3):
        await teach(bulk, Pupil(bulk))
    assert [each.name for each in bulk.folder.iterdir()] == ["00000001.columns"]


async def test_where_no_file_can_be_written_they_come_as_points(bulk):
    await bulk._history.record([outcome(n) for n in range(45)])
    bulk.folder.rmdir()
    pupil = Pupil(bulk)
    assert await teach(bulk, pupil) == (45, True)
    assert pupil.numbers == list(range(45))
    assert {kind for kind, _ in pupil.lots} == {"points"}
    bulk.folder.mkdir()


async def test_in_whatever_lots_every_outcome_comes_once_and_in_order(bulk):
    chance = random.Random(7)
    pupil, recorded, reached = Pupil(bulk), 0, 0
    for _ in range(30):
        size = chance.randrange(1, 60)
        await bulk._history.record([outcome(n) for n in range(recorded, recorded + size)])
        recorded += size
        pupil.credits = iter([chance.choice([None, 1, 7, 30, 60]) for _ in range(4)])
        reached, _ = await teach(bulk, pupil, reached)
    assert pupil.numbers == list(range(recorded))
    assert {kind for kind, _ in pupil.lots} == {"columns", "points"}


def test_what_is_sent_at_once_has_room_in_a_message_and_is_at_least_one():
    lines = [b"x" * 10] * 5
    assert within(lines, 33) == lines[:3]
    assert within([b"a", b"bb"], 3, newest=True) == [b"bb"]
    assert within([b"x" * 100], 10) == [b"x" * 100]

"""History handed to plugins as it grows."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from host.clock import SystemClock
from host.errors import PluginError, PluginGoneError
from host.registry.learning import Learning
from host.workload.teacher import Teacher, TeacherConfig
from plugin_sdk.contract.manifest import Limits
from plugin_sdk.contract.messages import Capability, LearnParams, TrainParams
from plugin_sdk.contract.workload import WorkloadDataPoint

QUICK = TeacherConfig(tick_s=0.001, growth=0.5, snapshot=50, batch=10, retry_s=0.0)


def point(n):
    return WorkloadDataPoint(float(n), "resource", {"cpu": 1.0}, 1.0, True)


class Pupil:
    """Takes what it is taught, and keeps it; fails when it is told to."""

    def __init__(self, name="a", *, learn=False, train=None):
        self.name = name
        self.epoch = 1
        self.trained_points = 0
        self.restored = None
        self.learning = Learning()
        self.limits = Limits(train_timeout_s=7)
        self.capabilities = {}
        if learn:
            self.capabilities["learn"] = Capability()
        if train is not None:
            self.capabilities["train"] = Capability(min_points=train)
        self.learned, self.resets, self.trainings, self.failing = [], 0, [], None
        self.fails_after = 1_000_000
        self.gate = asyncio.Event()
        self.gate.set()

    async def call(self, method, params, *, deadline):
        await self.gate.wait()
        self.fails_after -= 1
        if self.failing is not None or self.fails_after == -1:
            raise self.failing or PluginGoneError(self.name, "it stumbled")
        if method == "learn":
            told = msgspec.json.decode(params, type=LearnParams)
            if told.reset:
                self.learned.clear()
                self.resets += 1
            self.learned += [int(each.timestamp) for each in told.points]
            assert len(told.points) <= QUICK.batch
            return msgspec.Raw(b'{"accepted":1}')
        self.trainings.append(len(msgspec.json.decode(params, type=TrainParams).points))
        return msgspec.Raw(b'{"trained":true}')


class School:
    """A teacher over pupils that come and go."""

    def __init__(self, history):
        self.history = history
        self.pupils = []
        self.teacher = Teacher(self.history, lambda: list(self.pupils), SystemClock(), QUICK)
        self.count = 0

    async def record(self, n):
        await self.history.record([point(self.count + each) for each in range(n)])
        self.count += n


@pytest.fixture
async def school(histories):
    made = School(await histories(points=1000, commit_ms=1.0))
    made.teacher.start()
    yield made
    async with asyncio.timeout(5):
        await made.teacher.aclose()


async def test_news_comes_in_batches_each_point_once_and_in_order(school, eventually):
    pupil = Pupil(learn=True)
    school.pupils.append(pupil)
    await school.record(25)
    await eventually(lambda: len(pupil.learned) == 25)
    await school.record(3)
    await eventually(lambda: len(pupil.learned) == 28)
    assert pupil.learned == list(range(28))
    assert pupil.resets == 1


async def test_training_waits_for_enough_points_and_then_for_growth(school, eventually):
    early, late = Pupil("early", train=10), Pupil("late", train=30)
    watcher = Pupil("watcher", learn=True)
    school.pupils += [early, late, watcher]
    for grown, trained in [(9, []), (10, [10]), (14, [10]), (15, [10, 15]), (22, [10, 15])]:
        await school.record(grown - school.count)
        await eventually(lambda n=grown: len(watcher.learned) == n)
        await eventually(lambda t=trained: len(early.trainings) >= len(t))
        assert early.trainings == trained
        assert late.trainings == []
    await school.record(78)
    await eventually(lambda: late.trainings == [50] and early.trainings[-1] == 50)
    assert early.trained_points == late.trained_points == 100


async def test_a_new_process_starts_from_what_is_known(school, eventually):
    pupil = Pupil(learn=True, train=10)
    school.pupils.append(pupil)
    await school.record(20)
    await eventually(lambda: len(pupil.learned) == 20 and pupil.trainings == [20])
    pupil.epoch = 2
    await eventually(lambda: pupil.resets == 2 and len(pupil.learned) == 20 and pupil.trainings == [20, 20])


async def test_a_new_plugin_of_the_same_name_starts_from_what_is_known(school, eventually):
    old, new = Pupil(learn=True, train=10), Pupil(learn=True, train=10)
    school.pupils.append(old)
    await school.record(20)
    await eventually(lambda: old.trainings == [20])
    school.pupils[:] = [new]
    await eventually(lambda: new.trainings == [20] and len(new.learned) == 20)


async def test_a_slow_plugin_is_slow_alone_and_is_taught_the_rest_later(school, eventually):
    slow, quick = Pupil("slow", learn=True), Pupil("quick", learn=True)
    slow.gate.clear()
    school.pupils += [slow, quick]
    for _ in range(4):
        await school.record(5)
        await eventually(lambda: len(quick.learned) == school.count)
    assert slow.learned == []
    slow.gate.set()
    await eventually(lambda: slow.learned == list(range(20)))


async def test_a_batch_that_fails_does_not_have_those_before_it_taught_again(school, eventually):
    pupil = Pupil(learn=True)
    await school.record(35)
    pupil.fails_after = 2
    school.pupils.append(pupil)
    await eventually(lambda: len(pupil.learned) == 35)
    assert pupil.learned == list(range(35))
    assert pupil.fails_after < 0


async def test_a_failure_is_logged_and_tried_again(school, eventually, caplog):
    pupil = Pupil(train=5)
    pupil.failing = PluginGoneError("a", "it died")
    with caplog.at_level(logging.WARNING):
        school.pupils.append(pupil)
        await school.record(5)
        await eventually(lambda: any(r.message == "plugin.teaching_failed" for r in caplog.records))
    pupil.failing = None
    await eventually(lambda: pupil.trainings == [5])


async def test_training_by_hand_says_what_came_of_it_and_rubbish_is_an_error(school):
    pupil = Pupil(train=5)
    await school.record(3)
    assert (await school.teacher.train_now(pupil)).trained
    assert pupil.trained_points == 3

    async def rubbish(method, params, *, deadline):
        return msgspec.Raw(b"[]")

    pupil.call = rubbish
    with pytest.raises(PluginError, match="its answer to train is no answer"):
        await school.teacher.train_now(pupil)


async def test_one_that_is_to_take_over_knows_before_its_first_call_what_the_other_knew(school, eventually):
    old, new = Pupil(learn=True, train=10), Pupil(learn=True, train=10)
    school.pupils.append(old)
    await school.record(20)
    await eventually(lambda: old.trainings != [] and len(old.learned) == 20)
    await school.teacher.warm(new)
    assert (len(new.learned), new.trainings, new.trained_points) == (20, [20], 20)
    assert (len(old.learned), old.resets) == (20, 1), "the one that serves is left alone"
    school.pupils[:] = [new]
    await school.record(5)
    await eventually(lambda: len(new.learned) == 25)
    assert (new.resets, new.trainings) == (1, [20]), "nothing is taught twice"


async def test_one_that_fails_to_learn_takes_over_all_the_same(school, eventually):
    new = Pupil(learn=True)
    await school.record(5)
    new.fails_after = 0
    await school.teacher.warm(new)
    school.pupils.append(new)
    await eventually(lambda: len(new.learned) == 5)


async def test_a_training_by_hand_and_one_that_is_due_are_one_after_the_other(school, eventually):
    pupil, teacher = Pupil(train=10), school.teacher
    await school.record(20)
    pupil.gate.clear()
    by_hand = asyncio.ensure_future(teacher.train_now(pupil))
    await eventually(lambda: [each for each in teacher._progress.values() if each.turn.locked()])
    school.pupils.append(pupil)
    await eventually(lambda: pupil.name in teacher._busy)
    pupil.gate.set()
    assert (await by_hand).trained
    await teacher.train_now(pupil)
    assert pupil.trainings == [20, 20], "after the one by hand none was due any more"

"""What is done with one plugin: outcomes by its credit, trainings judged, states saved."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from host.clock import SystemClock
from host.errors import PluginError
from host.registry.learning import Learning, Restored
from host.workload.lesson import hand_over, train
from host.workload.lots import Portions
from host.workload.teacher import Teacher, TeacherConfig
from plugin_sdk.contract.limits import Limits
from plugin_sdk.contract.messages import Capability
from plugin_sdk.contract.workload import WorkloadDataPoint

PORTIONS = Portions(snapshot=1000, batch=10)
CLOCK = SystemClock()


def outcome(n):
    return WorkloadDataPoint(float(n), "scheduling", {}, 100.0, True, {}, {"n": n})


class Pupil:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, **answers):
        self.name, self.epoch, self.trained_points, self.restored = "a", 1, 0, None
        self.limits, self.learning = Limits(), Learning()
        self.capabilities = {
            "train": Capability(candidate=True),
            "backtest": Capability(),
            "adopt": Capability(),
            "learn": Capability(),
            "save": Capability(),
        }
        self.answers = {
            "train": {"trained": True},
            "adopt": {"adopted": True},
            "learn": {"accepted": 1},
            "save": {"data": base64.b64encode(b"state").decode(), "format": "own"},
        } | answers
        self.asked = []

    async def call(self, method, params, *, deadline):
        told = json.loads(params)
        self.asked.append((method, told))
        answer = self.answers[method]
        return msgspec.Raw(json.dumps(answer(told) if callable(answer) else answer).encode())

    def methods(self):
        return [method for method, _ in self.asked]


def predicting(serving, candidate):
    return lambda told: {
        "serving": [serving] * len(told["inputs"]),
        "candidate": [candidate] * len(told["inputs"]),
    }


@pytest.fixture
async def history(histories):
    made = await histories(points=500)
    await made.record([outcome(n) for n in range(100)])
    return made


async def test_a_candidate_that_does_worse_is_not_taken_into_use_and_both_figures_are_told(history):
    pupil = Pupil(backtest=predicting(100.0, 50.0))
    pupil.trained_points = 80
    reply, report = await train(pupil, history, PORTIONS, CLOCK, "a test")
    assert pupil.methods() == ["train", "backtest", "adopt"]
    assert pupil.asked[-1][1] == {"accept": False}
    assert not reply.trained
    assert (report.accepted, report.measure, report.examined, report.serving) == (False, "duration", 20, 1.0)
    assert report.candidate == pytest.approx(0.5, abs=0.01)
    assert "0.50" in report.reason
    assert "1.0000" in report.reason
    assert (pupil.learning.rejected, pupil.learning.last) == (1, report)


async def test_one_that_does_better_is(history):
    pupil = Pupil(backtest=predicting(50.0, 100.0))
    pupil.trained_points = 80
    reply, report = await train(pupil, history, PORTIONS, CLOCK, "a test")
    assert pupil.asked[-1] == ("adopt", {"accept": True})
    assert reply.trained
    assert report.accepted
    assert pupil.learning.rejected == 0


async def test_the_held_out_outcomes_are_the_newest_and_no_part_of_the_training(history):
    pupil = Pupil(backtest=predicting(1.0, 1.0))
    pupil.trained_points = 80
    await train(pupil, history, PORTIONS, CLOCK, "a test")
    taught = [point["features"]["n"] for point in pupil.asked[0][1]["points"]]
    examined = [given["n"] for given in pupil.asked[1][1]["inputs"]]
    assert taught == list(range(80))
    assert examined == list(range(80, 100))


async def test_the_first_model_is_trained_on_all_and_serves_at_once(history):
    pupil = Pupil()
    await train(pupil, history, PORTIONS, CLOCK, "a test")
    assert pupil.methods() == ["train"]
    assert (len(pupil.asked[0][1]["points"]), pupil.asked[0][1]["candidate"]) == (100, False)


async def test_one_that_cannot_be_kept_aside_is_said_to_be_in_use_untried(history):
    pupil = Pupil(train={"trained": True, "inUse": True})
    pupil.trained_points = 80
    _, report = await train(pupil, history, PORTIONS, CLOCK, "a test")
    assert pupil.methods() == ["train"]
    assert report.accepted
    assert "not tried" in report.reason


async def test_a_backtest_of_the_wrong_length_is_an_error_and_nothing_is_adopted(history):
    pupil = Pupil(backtest={"serving": [1.0], "candidate": [1.0]})
    pupil.trained_points = 80
    with pytest.raises(PluginError, match="1 and 1 predictions for 20 inputs"):
        await train(pupil, history, PORTIONS, CLOCK, "a test")
    assert "adopt" not in pupil.methods()


async def test_outcomes_come_as_the_plugins_credit_allows(history):
    pupil = Pupil(learn={"accepted": 1, "credit": 3})
    seen = []
    assert await hand_over(pupil, history, 0, PORTIONS, CLOCK, seen.append)
    sizes = [len(told["points"]) for _, told in pupil.asked]
    assert sizes == [10] + [3] * 30
    assert seen[-1] == 100
    assert [told["reset"] for _, told in pupil.asked] == [True] + [False] * 30
    told = [point["features"]["n"] for _, each in pupil.asked for point in each["points"]]
    assert told == list(range(100))


async def test_no_credit_is_a_pause(history):
    pupil = Pupil(learn={"accepted": 1, "credit": 0})
    seen = []
    assert not await hand_over(pupil, history, 0, PORTIONS, CLOCK, seen.append)
    assert seen == [10]


async def test_what_a_slow_plugin_missed_is_told_to_it(histories):
    history = await histories(points=20)
    await history.record([outcome(n) for n in range(10)])
    pupil = Pupil()
    await hand_over(pupil, history, 0, PORTIONS, CLOCK, lambda _: None)
    await history.record([outcome(n) for n in range(10, 60)])
    await hand_over(pupil, history, 10, PORTIONS, CLOCK, lambda _: None)
    missed = [told["missed"] for _, told in pupil.asked]
    assert missed == [0, 30, 0]
    assert pupil.learning.missed == 30
    assert pupil.learning.learned_seq == 60
    assert [told["seq"] for _, told in pupil.asked] == [10, 50, 60]


async def test_how_far_it_is_behind_is_shown(history, eventually):
    pupil = Pupil(learn={"accepted": 1, "credit": 0})
    teacher = Teacher(history, lambda: [pupil], CLOCK, TeacherConfig(tick_s=0.001, batch=10, retry_s=60.0))
    teacher.start()
    await eventually(lambda: pupil.learning.learned_seq == 10)
    await eventually(lambda: pupil.learning.behind == 90)
    await history.record([outcome(n) for n in range(100, 107)])
    await eventually(lambda: pupil.learning.behind == 97)
    await teacher.aclose()


async def test_a_plugin_that_was_restored_goes_on_from_there(history, eventually):
    kept = []

    async def keep(pupil, reply, seq):
        kept.append((reply.data, reply.format, seq))

    pupil = Pupil(backtest=predicting(1.0, 1.0))
    pupil.restored = Restored(seq=90, trained_points=90, resume=True)
    teacher = Teacher(history, lambda: [pupil], CLOCK, TeacherConfig(tick_s=0.001, save_s=0.0), keep=keep)
    teacher.start()
    await eventually(lambda: kept != [])
    await teacher.aclose()
    told = [
        point["features"]["n"]
        for method, each in pupil.asked
        if method == "learn"
        for point in each["points"]
    ]
    assert told == list(range(90, 100))
    assert "train" not in pupil.methods(), "it has not grown by half since"
    assert pupil.trained_points == 90
    assert kept[-1] == (b"state", "own", 100)


async def test_a_host_that_ends_has_what_was_learned_saved(history, eventually):
    kept = []

    async def keep(pupil, reply, seq):
        kept.append(seq)

    pupil = Pupil()
    del pupil.capabilities["train"]
    teacher = Teacher(history, lambda: [pupil], CLOCK, TeacherConfig(tick_s=0.001), keep=keep)
    teacher.start()
    await eventually(lambda: pupil.learning.learned_seq == 100)
    assert kept == []
    await teacher.aclose()
    assert kept == [100]

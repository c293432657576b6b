"""An author's mistakes are found in process, with the author's own exception beside them."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from plugin_sdk import Abstained, BaseMLModel
from plugin_sdk.contract.manifest import Limits
from plugin_sdk.testing import Fault, PluginWarning, parametrize_with_checks, run
from plugin_sdk.testing.conformance.table import attempt
from plugin_sdk.testing.running import Subject

SAMPLE = Path(__file__).parents[4] / "sample_plugins" / "simple_predictor"
QUICK = {"calls": 200, "seconds": 2.0, "handles": ("ml-driven", "scheduling")}


class Mean(BaseMLModel):
    def train(self, data):
        self.mean_ms = sum(point.duration for point in data) / len(data)

    def predict(self, input_data):
        return {"expected_duration": self.mean_ms}


class Printing(Mean):
    def predict(self, input_data):
        print("asked", input_data)
        return super().predict(input_data)


class Sleeping(Mean):
    def predict(self, input_data):
        time.sleep(0.03)
        return super().predict(input_data)


class Sharing(Mean):
    known: dict[str, float] = {}

    def train(self, data):
        super().train(data)
        self.known["mean"] = self.mean_ms

    def score(self, task, candidates):
        return [self.known.get("mean", 0.0)] * len(candidates)


class TrainingWhenMade(Mean):
    def __init__(self, model_id):
        super().__init__(model_id)
        self.fit()

    def fit(self):
        self.mean_ms = 1.0


class Unseeded(Mean):
    def train(self, data):
        self.mean_ms = random.SystemRandom().random()


class OneScore:
    def score(self, task, candidates):
        return [1.0] if task.get("kind") in ("task", "queue") else Abstained()


class Raising(Mean):
    def predict(self, input_data):
        return input_data["no such member"]


class Leaking(Mean):
    def train(self, data):
        super().train(data)
        self.seen = []

    def predict(self, input_data):
        self.seen.append(bytearray(20_000))
        return super().predict(input_data)


def test_a_ten_line_model_passes():
    report = run(Mean, **QUICK)
    assert report.ok
    assert not report.warned


@pytest.mark.parametrize(
    ("plugin", "check", "says"),
    [
        (Sleeping, "mistake:blocking", "time.sleep(0.03)"),
        (Sharing, "mistake:global-state", "a new object knows"),
        (TrainingWhenMade, "mistake:constructor", "fit ("),
        (Unseeded, "determinism", "differs between two"),
        (OneScore, "capability:score", "give one each"),
        (Raising, "capability:predict", "no such member"),
        (Leaking, "memory", "MiB more after"),
    ],
)
def test_a_classic_mistake_is_found(plugin, check, says):
    report = run(plugin, raises=False, **{**QUICK, "calls": 1000})
    found = {each.check: each for each in report.failed}
    assert check in found, report.text()
    assert says in found[check].note


@pytest.mark.parametrize(
    ("plugin", "check", "does"),
    [
        (Unseeded, "determinism", "random.Random()"),
        (OneScore, "capability:score", "nothing was raised"),
        (Raising, "capability:predict", "mend the exception"),
    ],
)
def test_the_remedy_is_for_that_mistake(plugin, check, does):
    report = run(plugin, raises=False, **QUICK)
    assert does in next(each.remedy for each in report.failed if each.check == check)


def test_printing_is_worth_a_word_and_no_more(capsys):
    report = run(Printing, **QUICK)
    assert [each.check for each in report.warned] == ["mistake:printing"]
    assert "asked" in capsys.readouterr().out, "and the author sees it"


def test_the_first_fault_is_raised_with_the_authors_exception():
    with pytest.raises(Fault, match="capability:predict") as found:
        run(Raising, **QUICK)
    assert isinstance(found.value.__cause__, KeyError)


def test_a_call_over_its_time_limit_is_found():
    subject = Subject(Slow, limits=Limits(call_timeout_s=0.25), **QUICK)
    (check,) = [each for each in subject.checks if each.name == "mistake:blocking"]
    with pytest.raises(Fault, match=r"call_timeout is 0\.25 s"):
        attempt(check, subject.kit)


class Slow(Mean):
    def predict(self, input_data):
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass
        return super().predict(input_data)


@parametrize_with_checks([Mean, SAMPLE], calls=200)
def test_checks_are_pytest_parameters(plugin, check):
    check(plugin)


def test_a_parameter_that_fails_fails_its_test():
    (case, *_) = [
        each
        for each in parametrize_with_checks([Raising], **QUICK).args[1]
        if each.id.endswith("capability:predict")
    ]
    plugin, check = case.values
    with pytest.raises(Fault, match="no such member"):
        check(plugin)


def test_a_warning_of_a_check_is_pytests():
    subject = Subject(Printing, **QUICK)
    (case,) = [
        each
        for each in parametrize_with_checks([Printing], **QUICK).args[1]
        if each.id.endswith("mistake:printing")
    ]
    assert subject.name == "Printing"
    with pytest.warns(PluginWarning, match="it prints"):
        case.values[1](Printing)

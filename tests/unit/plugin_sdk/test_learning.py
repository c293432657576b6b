"""Candidates, exams, outcomes and states of one plugin, as its handlers answer them."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from plugin_sdk import BaseMLModel
from plugin_sdk.context import Call
from plugin_sdk.contract.messages import InitializeParams, Peer, ProtocolRange, SavedState, WireLimits
from plugin_sdk.entry import Entry
from plugin_sdk.failures import ParamsError
from plugin_sdk.handlers import Handlers
from plugin_sdk.learning import HISTORY_POINTS


class Mean(BaseMLModel):
    seen = 0

    def train(self, data):
        self.mean = sum(point.duration for point in data) / len(data)

    def learn(self, points, reset=False):
        self.seen = (0 if reset else self.seen) + len(points)

    def predict(self, given):
        if given == "break":
            raise RuntimeError("no")
        return {"expected_duration": self.mean, "seen": self.seen}


class Stubborn(Mean):
    """Cannot be copied."""

    def __init__(self, model_id="stubborn"):
        super().__init__(model_id)
        self.lock = threading.Lock()


def served(plugin, state=None, **more):
    params = InitializeParams(
        ProtocolRange(),
        Peer("h", "1"),
        Peer("mine", "1"),
        "i",
        1,
        ["ml-driven"],
        {},
        WireLimits(state_bytes=10_000),
    )
    if state is not None:
        params.state = state
    return Handlers(Entry(plugin, "plugin"), params)


def ask(handlers, method, **params):
    return json.loads(handlers.answer(Call(1, method, json.dumps(params).encode(), 0.0)))


def points(duration, count=10):
    return [
        {"timestamp": n, "requestType": "a", "resourceUsage": {}, "duration": duration, "success": True}
        for n in range(count)
    ]


def test_a_candidate_answers_nobody_until_it_is_adopted():
    plugin = served(Mean)
    assert ask(plugin, "train", points=points(10.0))["trained"]
    assert ask(plugin, "train", points=points(30.0), candidate=True) == {"trained": True, "size": 10}
    assert ask(plugin, "predict", input={})["prediction"]["expected_duration"] == 10.0
    tried = ask(plugin, "backtest", inputs=[{}, "break"])
    assert [each and each["expected_duration"] for each in tried["serving"]] == [10.0, None]
    assert [each and each["expected_duration"] for each in tried["candidate"]] == [30.0, None]
    ask(plugin, "learn", points=points(1.0, 4))
    assert ask(plugin, "adopt", accept=True) == {"adopted": True}
    prediction = ask(plugin, "predict", input={})["prediction"]
    assert prediction == {"expected_duration": 30.0, "seen": 4}, "it knows what was learned meanwhile"
    assert ask(plugin, "adopt", accept=True) == {"adopted": False}, "there is none any more"


def test_one_that_is_thrown_away_leaves_nothing_behind():
    plugin = served(Mean)
    ask(plugin, "train", points=points(10.0))
    ask(plugin, "train", points=points(30.0), candidate=True)
    assert ask(plugin, "adopt", accept=False) == {"adopted": False}
    assert ask(plugin, "predict", input={})["prediction"]["expected_duration"] == 10.0
    assert ask(plugin, "backtest", inputs=[{}])["candidate"] == [None]


def test_without_a_model_that_serves_there_is_nothing_to_compare_with():
    plugin = served(Mean)
    ask(plugin, "train", points=points(30.0), candidate=True)
    assert ask(plugin, "backtest", inputs=[{}])["serving"] == [None]


def test_what_cannot_be_copied_but_made_anew_is_kept_aside_too():
    plugin = served(Stubborn)
    ask(plugin, "train", points=points(10.0))
    assert "inUse" not in ask(plugin, "train", points=points(30.0), candidate=True)
    assert ask(plugin, "predict", input={})["prediction"]["expected_duration"] == 10.0


def test_an_instance_that_cannot_be_copied_says_that_it_is_in_use():
    plugin = served(Stubborn())
    assert ask(plugin, "train", points=points(30.0), candidate=True)["inUse"]
    assert ask(plugin, "predict", input={})["prediction"]["expected_duration"] == 30.0


def test_what_a_candidate_has_missed_is_bounded():
    plugin = served(Mean)
    ask(plugin, "train", points=points(10.0))
    ask(plugin, "train", points=points(30.0), candidate=True)
    for _ in range(3):
        ask(plugin, "learn", points=points(1.0, HISTORY_POINTS // 2))
    ask(plugin, "adopt", accept=True)
    assert ask(plugin, "predict", input={})["prediction"]["seen"] == HISTORY_POINTS


def test_what_it_knows_is_saved_and_the_next_one_goes_on_from_it():
    plugin = served(Mean)
    assert "not been trained" in ask(plugin, "save")["reason"]
    ask(plugin, "train", points=points(10.0))
    ask(plugin, "learn", points=points(1.0, 3))
    saved = ask(plugin, "save")
    state = SavedState(base64.b64decode(saved["data"]), saved["format"], 3, 1)
    again = served(Mean, state)
    assert again.initialized().state.restored
    assert again.initialized().state.resume
    assert ask(again, "predict", input={})["prediction"] == {"expected_duration": 10.0, "seen": 3}


def test_a_poisoned_state_is_said_and_it_starts_without():
    plugin = served(Mean, SavedState(b"poison", "pickle", 3, 1))
    said = plugin.initialized().state
    assert not said.restored
    assert said.reason
    assert ask(plugin, "train", points=points(10.0))["trained"]


def test_a_state_over_the_hosts_cap_is_not_sent():
    class Large(Mean):
        def save_state(self):
            return b"x" * 10_001

    plugin = served(Large)
    ask(plugin, "train", points=points(10.0))
    assert "10001 bytes" in ask(plugin, "save")["reason"]


@pytest.mark.parametrize("name", ["absent.columns", "../etc/passwd", "", ".hidden"])
def test_columns_that_cannot_be_reached_are_bad_parameters(name):
    with pytest.raises(ParamsError, match="columns"):
        ask(served(Mean), "train", columns={"name": name, "length": 1, "crc32": 0, "count": 1})

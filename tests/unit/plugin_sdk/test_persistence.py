"""States made and used by the plugin itself."""

from __future__ import annotations

import sys
import threading

import pytest

from plugin_sdk import BaseMLModel
from plugin_sdk.persistence import OWN, PACKED, PICKLE, SKOPS, StateError, can_save, restore, save


class Mean(BaseMLModel):
    def train(self, data):
        self.mean = 3.0

    def predict(self, input_data):
        return self.mean


class Own:
    def __init__(self):
        self.known = b""

    def learn(self, points):
        self.known += b"x"

    def predict(self, given):
        return len(self.known)

    def save_state(self):
        return self.known

    def load_state(self, data):
        if data == b"bad":
            raise ValueError("no such state")
        self.known = bytes(data)


def test_an_authors_own_way_comes_first():
    own = Own()
    own.learn([])
    saved = save(own)
    assert saved == (b"x", OWN)
    assert restore(Own(), saved.data, saved.format).known == b"x"


def test_a_model_goes_there_and_back():
    model = Mean("m")
    model.train([])
    saved = save(model)
    assert saved.format in (SKOPS, PICKLE)
    again = restore(Mean("m"), saved.data, saved.format)
    assert (type(again), again.mean) == (Mean, 3.0)


def test_a_scikit_learn_model_goes_by_skops():
    pytest.importorskip("skops", reason="NO SKOPS: saving with it is not tried")
    from sklearn.linear_model import LinearRegression

    model = Mean("m")
    model.mean = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    saved = save(model)
    assert saved.format == SKOPS
    assert restore(Mean("m"), saved.data, SKOPS).mean.predict([[2.0]]) == pytest.approx([5.0])


def test_without_skops_any_bytes_will_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setattr("plugin_sdk.persistence.importlib.util.find_spec", lambda _: None)
    model = Mean("m")
    model.train([])
    assert save(model).format == PICKLE


def test_a_large_state_is_packed(monkeypatch):
    monkeypatch.setattr("plugin_sdk.persistence.importlib.util.find_spec", lambda _: None)
    model = Mean("m")
    model.train([])
    model.notes = ["the same again"] * 10_000
    saved = save(model)
    assert (saved.format, len(saved.data) < 2_000) == (PACKED, True)
    assert restore(Mean("m"), saved.data, saved.format).notes == model.notes
    with pytest.raises(StateError):
        restore(Mean("m"), saved.data[:-9], PACKED)


@pytest.mark.parametrize(
    ("made", "data", "form"),
    [
        (Own(), b"bad", OWN),
        (Mean("m"), b"junk", PICKLE),
        (Mean("m"), b"junk", SKOPS),
        (Own(), save(Mean("m"))[0], PICKLE),
    ],
)
def test_a_state_that_cannot_be_used_says_why(made, data, form):
    with pytest.raises(StateError):
        restore(made, data, form)


def test_what_cannot_be_written_down_says_what_to_do():
    model = Mean("m")
    model.lock = threading.Lock()
    with pytest.raises(StateError, match="save_state"):
        save(model)


def test_only_what_learns_has_something_to_keep():
    class Scorer:
        def score(self, task, candidates):
            return []

    assert not can_save(Scorer())
    assert can_save(Mean("m"))
    assert can_save(Own())

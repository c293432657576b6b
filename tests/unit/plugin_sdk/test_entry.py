from __future__ import annotations

import pytest

from plugin_sdk import BaseMLModel
from plugin_sdk.entry import Entry
from plugin_sdk.failures import EntryError


class Plain:
    def __init__(self, config=None, depth=3) -> None:
        self.config, self.depth = config, depth

    def predict(self, x):
        return x


class Model(BaseMLModel):
    def train(self, data): ...

    def predict(self, input_data):
        return 1


class Callable_(Plain):
    def __call__(self): ...


def test_a_class_is_made_with_the_configuration_when_it_asks_for_it() -> None:
    made = Entry(Plain, "plugin:Plain").make("mine", {"a": 1})
    assert (made.config, made.depth) == ({"a": 1}, 3)


def test_a_model_that_does_not_override_its_init_is_named_after_the_plugin() -> None:
    assert Entry(Model, "plugin:Model").make("mine", {}).model_id == "mine"


def test_a_default_model_id_is_kept() -> None:
    class Named(Model):
        def __init__(self, model_id: str = "own") -> None:
            super().__init__(model_id)

    assert Entry(Named, "plugin:Named").make("mine", {}).model_id == "own"


def test_a_factory_makes_a_new_one_each_time() -> None:
    entry = Entry(lambda: Plain(), "plugin:make")
    assert entry.makes_anew
    assert entry.make("mine", {}) is not entry.make("mine", {})


def test_an_instance_is_itself_even_when_it_can_be_called() -> None:
    one = Callable_()
    entry = Entry(one, "plugin:one")
    assert not entry.makes_anew
    assert entry.make("mine", {}) is one


def test_an_entry_that_cannot_be_asked_anything_says_what_to_name() -> None:
    with pytest.raises(EntryError, match="plugin:x is a int without any of predict, score, optimize"):
        Entry(5, "plugin:x")


def test_a_constructor_that_needs_two_things_says_so() -> None:
    def make(a, b): ...

    with pytest.raises(EntryError, match="needs a, b to be made; give defaults"):
        Entry(make, "plugin:make").make("mine", {})


def test_an_abstract_class_names_what_is_missing() -> None:
    class Half(BaseMLModel):
        def predict(self, input_data): ...

    with pytest.raises(EntryError, match="plugin:Half does not define train"):
        Entry(Half, "plugin:Half").make("mine", {})

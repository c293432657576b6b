from __future__ import annotations

import enum
from typing import Annotated, Literal

import msgspec
import pytest

from plugin_sdk.contract.decode import MissingError, problem_from, show


class Inner(msgspec.Struct):
    cpu: Annotated[float, msgspec.Meta(ge=0)]


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Words(msgspec.Struct, rename="camel"):
    which_way: Literal["up", "down"] | None = None
    colours: list[Colour] = []
    usage: dict[str, float] = {}
    limits: Annotated[dict[str, Inner], msgspec.Meta(max_length=9)] = {}


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    items: list[Inner]
    name: str = ""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"items": [{"cpu": "x"}]}, 'data.items[0].cpu is "x"; give a number'),
        ({"items": [{"cpu": 1}, {"cpu": -1}]}, "data.items[1].cpu is -1; give a number >= 0.0"),
        ({"items": [{}]}, "data.items[0].cpu is missing; give a value"),
        ({"items": 5}, "data.items is 5; give a list"),
        ({"items": [], "nam": 1}, "data.nam is 1; give only members that are known"),
        (
            {"items": [{"cpus": 1}]},
            "data.items[0].cpu is missing; give a value (found 'cpus'; did you mean 'cpu'?)",
        ),
        ([], "data is []; give an object"),
    ],
)
def test_bad_input_is_named_by_path_value_and_remedy(value: object, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Outer)
    problem = problem_from(caught.value, value, "data")
    assert str(problem) == message
    assert isinstance(problem, MissingError) == ("missing" in message)


def test_a_long_value_is_cut_and_a_strange_one_shown_all_the_same() -> None:
    assert len(show("x" * 1000)) == 120
    assert show(object).startswith("<class")


def test_a_value_that_python_will_not_write_is_still_shown() -> None:
    assert show(1 << 20_000) == "a value of type int that is too large to show"
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(show(deep)) <= 120
    assert len(show("\udcff" * 500)) <= 120


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"whichWay": "dwn"}, "whichWay is \"dwn\"; give one of up, down; did you mean 'down'?"),
        ({"whichWay": "x"}, 'whichWay is "x"; give one of up, down'),
        (
            {"colours": ["red", "gren"]},
            "colours[1] is \"gren\"; give one of red, green; did you mean 'green'?",
        ),
        ({"usage": {"cpu": 1, "gpu": "x"}}, 'usage.gpu is "x"; give a number'),
        ({"limits": {"a": {"cpu": 1}, "b": {"cpu": -1}}}, "limits.b.cpu is -1; give a number >= 0.0"),
    ],
)
def test_with_the_type_more_is_said_of_words_and_of_members_of_any_name(value: object, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Words)
    assert str(problem_from(caught.value, value, "", Words)) == message

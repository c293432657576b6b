from __future__ import annotations

from typing import Any

import pytest

from plugin_sdk.contract.problems import ProblemError, parse_tuning
from plugin_sdk.contract.problems.tuning import Parameter, allows

X = {"name": "x", "kind": "float", "low": 0, "high": 1}


def seen(x: object, value: float) -> dict[str, Any]:
    return {"params": {"x": x}, "value": value}


def test_the_best_observation_is_the_earliest_of_the_best() -> None:
    data = {"parameters": [X], "observations": [seen(0.1, 5), seen(0.2, 3), seen(0.3, 3)]}
    best = parse_tuning(data).best()
    assert best is not None
    assert best.params == {"x": 0.2}
    most = parse_tuning({**data, "direction": "maximize"}).best()
    assert most is not None
    assert most.value == 5
    assert parse_tuning({"parameters": [X]}).best() is None


def test_a_choice_allows_its_values_by_type_and_value() -> None:
    choice = Parameter("c", "choice", choices=[1, "a"])
    assert allows(choice, 1)
    assert not allows(choice, True)
    assert not allows(choice, "b")
    assert not allows(Parameter("n", "int", 0, 3), 1.5)
    assert not allows(Parameter("n", "float", 0, 3), True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": [X, X]}, r"parameters\[1\].name is \"x\"; give a name of its own"),
        ({"parameters": [{**X, "low": 2}]}, "low is 2.*; give a number of at most high, 1"),
        ({"parameters": [{**X, "log": True}]}, "a number above 0, since log is true"),
        ({"parameters": [{**X, "kind": "int", "high": 1.5}]}, "an integer, since kind is int"),
        ({"parameters": [{"name": "c", "kind": "choice", "choices": []}]}, "a list of different values"),
        ({"observations": [seen(2, 1)]}, r"observations\[0\].params.x is 2; give a number from 0 to 1"),
        ({"observations": [{"params": {"x": 1, "y": 1}, "value": 1}]}, "only parameters that are declared"),
        ({"direction": "up"}, "minimize or maximize"),
        ({"count": 0}, "an integer from 1 to 1000"),
    ],
)
def test_a_malformed_tuning_names_path_value_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        parse_tuning({"parameters": [X], **change})

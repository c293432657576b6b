"""Performance tuning: which parameters to try next, given what was tried and how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.amounts import converted, listed, member, only_constraints

COUNT_LIMIT = 1000  # suggestions in one answer
ParamValue = float | int | str | bool


class Parameter(msgspec.Struct, frozen=True):
    """One knob.

    Fields:
        low, high: Bounds of a float or int, both included.
        log: Whether its effect is better seen on a logarithmic scale; then low > 0.
        choices: Of a choice: its values, at least one, all different.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[ParamValue] | None = None


class Observation(msgspec.Struct, frozen=True):
    """A setting that was tried, and the value it gave."""

    params: dict[str, ParamValue]
    value: float


class TuningProblem(msgspec.Struct, frozen=True):
    """Suggest `count` settings to try next."""

    parameters: list[Parameter]
    observations: list[Observation]
    direction: Literal["minimize", "maximize"]
    count: int = 1

    def best(self) -> Observation | None:
        """The best observation so far, the earliest of equals; `None` when there is none."""
        if not self.observations:
            return None
        sign = 1.0 if self.direction == "minimize" else -1.0
        return min(self.observations, key=lambda seen: sign * seen.value)


class Suggestion(msgspec.Struct):
    """One setting: a value for every parameter."""

    params: dict[str, ParamValue]


class TuningAnswer(msgspec.Struct, omit_defaults=True):
    """Settings to try, the most wanted first, and the best observation so far."""

    suggestions: list[Suggestion]
    best: Observation | None = None


def allows(parameter: Parameter, value: object) -> bool:
    """Whether *value* is one that the parameter can take."""
    if parameter.kind == "choice":
        return any(type(value) is type(each) and value == each for each in parameter.choices or [])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float) and not math.isfinite(value):  # an integer may be too large to ask
        return False
    if parameter.kind == "int" and value != int(value):
        return False
    return (
        parameter.low is not None and parameter.high is not None and parameter.low <= value <= parameter.high
    )


def parse_tuning(data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None) -> TuningProblem:
    """The problem in `data`.

    Raises:
        ProblemError: Something in it cannot be used.
    """
    only_constraints(constraints, [], "performance requests")
    sent = listed(member(data, "parameters", "data", "a list of at least one parameter"), "data.parameters")
    problem = TuningProblem(
        parameters=converted(sent, list[Parameter], "data.parameters"),
        observations=converted(data.get("observations") or [], list[Observation], "data.observations"),
        direction=_direction(data.get("direction", "minimize")),
        count=converted(data.get("count", 1), int, "data.count"),
    )
    if not 1 <= problem.count <= COUNT_LIMIT:
        raise ProblemError("data.count", problem.count, f"an integer from 1 to {COUNT_LIMIT}")
    names: set[str] = set()
    for index, parameter in enumerate(problem.parameters):
        path = f"data.parameters[{index}]"
        if not parameter.name or parameter.name in names:
            raise ProblemError(f"{path}.name", parameter.name, "a name of its own")
        names.add(parameter.name)
        _check_range(parameter, path)
    for index, seen in enumerate(problem.observations):
        for parameter in problem.parameters:
            path = f"data.observations[{index}].params.{parameter.name}"
            value = seen.params.get(parameter.name)
            if not allows(parameter, value):
                raise ProblemError(path, value, _range_of(parameter))
        for name, value in seen.params.items():
            if name not in names:
                raise ProblemError(
                    f"data.observations[{index}].params.{name}", value, "only parameters that are declared"
                )
    return problem


def _direction(value: object) -> Literal["minimize", "maximize"]:
    if value == "minimize":
        return "minimize"
    if value == "maximize":
        return "maximize"
    raise ProblemError("data.direction", value, "minimize or maximize")


def _check_range(parameter: Parameter, path: str) -> None:
    if parameter.kind == "choice":
        choices = parameter.choices or []
        if not choices or any(each in choices[:i] for i, each in enumerate(choices)):
            raise ProblemError(
                f"{path}.choices", parameter.choices, "a list of different values, at least one"
            )
        return
    for name, bound in (("low", parameter.low), ("high", parameter.high)):
        if bound is None or not math.isfinite(bound):
            raise ProblemError(f"{path}.{name}", bound, "a finite number")
        if parameter.kind == "int" and bound != int(bound):
            raise ProblemError(f"{path}.{name}", bound, "an integer, since kind is int")
    assert parameter.low is not None and parameter.high is not None
    if parameter.low > parameter.high:
        raise ProblemError(f"{path}.low", parameter.low, f"a number of at most high, {parameter.high:g}")
    if parameter.log and parameter.low <= 0:
        raise ProblemError(f"{path}.low", parameter.low, "a number above 0, since log is true")


def _range_of(parameter: Parameter) -> str:
    if parameter.kind == "choice":
        return f"one of {parameter.choices}"
    what = "an integer" if parameter.kind == "int" else "a number"
    return f"{what} from {parameter.low:g} to {parameter.high:g}"

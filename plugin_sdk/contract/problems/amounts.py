"""Checks that several problems share: amounts, names, and lists of things with an id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from plugin_sdk.contract.decode import MissingError, ProblemError, problem_from
from plugin_sdk.contract.problems.request import unknown_member

T = TypeVar("T")


def converted(value: object, kind: type[T], root: str) -> T:
    """`msgspec.convert`, with one clear error.

    Raises:
        ProblemError: Names the path below *root*, the value and what would be right.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise problem_from(error, value, root, kind) from error


def member(data: Mapping[str, Any], name: str, root: str, expected: str) -> Any:
    """`data[name]`; with a suggestion when a name like it stands there instead.

    Raises:
        MissingError: It is not there.
    """
    if name in data:
        return data[name]
    import difflib  # only on the way to an error

    near = difflib.get_close_matches(name, list(data), n=1, cutoff=0.75)
    raise MissingError(f"{root}.{name}", expected + (f" (found {near[0]!r})" if near else ""))


def amount(value: object, path: str, *, above_zero: bool = False) -> float:
    """A finite number >= 0 (or > 0).

    Raises:
        ProblemError: It is not.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if good:
        try:
            number = float(value)  # type: ignore[arg-type]  # checked by `good`
        except OverflowError:
            good = False
        else:
            good = math.isfinite(number) and (number > 0 if above_zero else number >= 0)
    if not good:
        raise ProblemError(path, value, f"a number {'above 0' if above_zero else 'of 0 or more'}")
    return number


def amounts(value: object, path: str) -> dict[str, float]:
    """Named amounts, e.g. a capacity: an object of at least one name to a number >= 0.

    Raises:
        ProblemError: It is something else.
    """
    if not isinstance(value, dict) or not value:
        raise ProblemError(path, value, 'an object of amounts, e.g. {"cpu": 4, "memory": 16}')
    return {name: amount(each, f"{path}.{name}") for name, each in value.items()}


def listed(value: object, path: str) -> list[dict[str, Any]]:
    """A list of at least one object.

    Raises:
        ProblemError: It is something else, or empty.
    """
    if not isinstance(value, list) or not value:
        raise ProblemError(path, value, "a list of at least one object")
    if set(map(type, value)) != {dict}:
        for index, each in enumerate(value):
            if not isinstance(each, dict):
                raise ProblemError(f"{path}[{index}]", each, "an object")
    return value


def identity(value: Mapping[str, Any], path: str) -> str:
    """The `id` of an object: a text, not empty.

    Raises:
        ProblemError: It is missing or something else.
    """
    found = member(value, "id", path, "a text that is its own")
    if not isinstance(found, str) or not found:
        raise ProblemError(f"{path}.id", found, "a text of at least one character")
    return found


def all_different(ids: Iterable[str], path: str) -> None:
    """Checks that no id stands twice.

    Raises:
        ProblemError: One does.
    """
    seen: dict[str, int] = {}
    for index, each in enumerate(ids):
        if each in seen:
            raise ProblemError(f"{path}[{index}].id", each, f"an id of its own ({path}[{seen[each]}] has it)")
        seen[each] = index


def only_constraints(given: Mapping[str, Any] | None, known: Iterable[str], kind: str) -> Mapping[str, Any]:
    """The constraints, all of them understood: one that is not is an error, never ignored.

    Raises:
        ProblemError: One is not known for this kind of problem.
    """
    names = set(known)
    for name, value in (given or {}).items():
        if name not in names:
            remedy = unknown_member(name, names) if names else f"no constraints for {kind}"
            raise ProblemError(f"constraints.{name}", value, remedy)
    return given or {}

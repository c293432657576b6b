"""Turns what msgspec says of bad input into one sentence: the path, the value, what would be right."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_PATH = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_VALUE_LIMIT = 120  # characters of the offending value that are quoted


class ProblemError(ValueError):
    """A value that cannot be used, with where it stands and what would be right.

    Attributes:
        path: Dotted, from the root named by the caller, e.g. `data.items[0].cpu`.
        value: What was found there; `None` also when it was missing.
        expected: What would be right, as a phrase that completes "give ...".
    """

    def __init__(self, path: str, value: object, expected: str) -> None:
        self.path = path
        self.value = value
        self.expected = expected
        super().__init__(f"{path or 'the value'} is {show(value)}; give {expected}")


class MissingError(ProblemError):
    """A member that must be there is not."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(path, None, expected)
        self.args = (f"{path} is missing; give {expected}",)


def show(value: object) -> str:
    """The value as JSON, cut to a length fit for a message."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        try:
            text = repr(value)
        except (ValueError, RecursionError):  # an integer of more digits than Python writes
            text = f"a value of type {type(value).__name__} that is too large to show"
    return text if len(text) <= _VALUE_LIMIT else text[: _VALUE_LIMIT - 3] + "..."


def problem_from(error: msgspec.ValidationError, value: object, root: str, kind: Any = None) -> ProblemError:
    """What is wrong, from msgspec's message and the value it was raised for.

    Args:
        error: As raised by `msgspec.convert(value, ...)`.
        value: The value that was converted, as plain Python objects.
        root: How the caller knows `value`, e.g. `data`; may be empty.
        kind: What it was to be converted to; with it more can be said.
    """
    from plugin_sdk.contract.expected import (
        choices_of,
        culprit_of,
        entry_of,
        member_of,
    )  # only on the way to an error

    message = str(error)
    found = _PATH.search(message)
    steps = found.group(1) if found else ""
    what = message[: found.start()] if found else message
    path = root
    at: Any = value
    for name, index in _STEP.findall(steps):
        if name:
            path = f"{path}.{name}" if path else name
            at = at.get(name) if isinstance(at, dict) else None
            kind = member_of(kind, name)
        elif index:
            path = f"{path}[{index}]"
            at = at[int(index)] if isinstance(at, list) and int(index) < len(at) else None
            kind = entry_of(kind)
        elif (culprit := culprit_of(kind, at)) is not None:
            name, at = culprit
            path = f"{path}.{name}"
            kind = member_of(kind, name)
        else:
            path = f"{path}[...]"
            at = kind = None
    missing = re.match(r"Object missing required field `(.+)`", what)
    if missing:
        name = missing.group(1)
        return MissingError(f"{path}.{name}" if path else name, "a value" + _nearest(name, at))
    unknown = re.match(r"Object contains unknown field `(.+)`", what)
    if unknown:
        name = unknown.group(1)
        inner = at.get(name) if isinstance(at, dict) else None
        return ProblemError(f"{path}.{name}" if path else name, inner, "only members that are known")
    if what.startswith("Invalid enum value") and (choices := choices_of(kind)):
        return ProblemError(path, at, f"one of {', '.join(choices)}" + _meant(at, choices))
    expected = re.match(r"Expected `(.+?)`(?:, got `.+`)?$", what)
    if expected:
        return ProblemError(path, at, _kind(expected.group(1)))
    bounded = re.match(r"Expected (.+)$", what)
    return ProblemError(path, at, _phrase(bounded.group(1)) if bounded else f"something else ({what})")


def _kind(name: str) -> str:
    words = {
        "int": "an integer",
        "float": "a number",
        "int | float": "a number",
        "str": "a text",
        "bool": "true or false",
        "array": "a list",
        "object": "an object",
    }
    parts = [part for part in name.split(" | ") if part != "null"]
    return " or ".join(words.get(part, part) for part in parts)


def _phrase(text: str) -> str:
    return re.sub(r"`(int|float|str|array|object)`", lambda m: _kind(m.group(1)), text)


def _meant(at: object, choices: list[str]) -> str:
    import difflib  # only on the way to an error

    near = (
        difflib.get_close_matches(at[:_VALUE_LIMIT], choices, n=1, cutoff=0.6) if isinstance(at, str) else []
    )
    return f"; did you mean {near[0]!r}?" if near else ""


def _nearest(name: str, at: object) -> str:
    import difflib  # only on the way to an error

    if not isinstance(at, dict):
        return ""
    near = difflib.get_close_matches(name, [key for key in at if isinstance(key, str)], n=1, cutoff=0.75)
    return f" (found {near[0]!r}; did you mean {name!r}?)" if near else ""

"""The shape of every answer: what can be told from the answer and the question alone, in any language."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from plugin_sdk.testing.conformance.samples import Sample

_RESULT_MEMBERS = {"resource": ("nodes",), "performance": ("suggestions",)}


def wrong_with(method: str, result: Any, sample: Sample | None = None) -> str | None:
    """What is wrong with a result of *method*; `None` when nothing is."""
    if not isinstance(result, dict):
        return f"the result is {_kind(result)}; it should be an object"
    if result.get("abstained") is True:
        return _abstention(result)
    if "abstained" in result:
        return f"abstained is {result['abstained']!r}; give true, or leave it out"
    return _SHAPES[method](result, sample)


def _abstention(result: dict[str, Any]) -> str | None:
    reason = result.get("reason")
    if reason is not None and not isinstance(reason, str):
        return f"an abstention's reason is {_kind(reason)}; give a text"
    answers = {"prediction", "scores", "result"} & result.keys()
    return (
        f"it abstains and answers ({', '.join(sorted(answers))}) at once; do one of the two"
        if answers
        else None
    )


def _prediction(result: dict[str, Any], _sample: Sample | None) -> str | None:
    if "prediction" not in result:
        return "prediction is missing"
    said = result["prediction"]
    if isinstance(said, bool) or not isinstance(said, int | float | dict):
        return f"prediction is {_kind(said)}; give a number or an object of named numbers"
    return _beside(result) or _quantiles(result.get("quantiles"))


def _quantiles(said: Any) -> str | None:
    if said is None:
        return None
    if not isinstance(said, dict):
        return f"quantiles is {_kind(said)}; give an object of level to value"
    levels = []
    for name, value in said.items():
        try:
            level = float(name)
        except ValueError:
            return f"quantiles has the level {name!r}; give a number between 0 and 1 as text"
        if not 0 < level < 1 or not _number(value):
            return f"quantiles has {name!r}: {value!r}; give levels between 0 and 1 and finite values"
        levels.append((level, value))
    levels.sort()
    for (low, below), (high, above) in pairwise(levels):
        if below > above:
            return f"the quantile at {low:g} is {below:g}, above the one at {high:g}, {above:g}; they cross"
    return None


def _scores(result: dict[str, Any], sample: Sample | None) -> str | None:
    scores = result.get("scores")
    if not isinstance(scores, list):
        return f"scores is {_kind(scores)}; give a list of numbers"
    for index, each in enumerate(scores):
        if not _number(each):
            return f"scores[{index}] is {each!r}; give a finite number"
    if sample is not None:
        candidates = sample.data.get("nodes") if "task" in sample.data else sample.data.get("jobs")
        if candidates is not None and len(scores) != len(candidates):
            return f"there are {len(scores)} scores for {len(candidates)} candidates; give one for each, in their order"
    return None


def _optimized(result: dict[str, Any], sample: Sample | None) -> str | None:
    if "result" not in result:
        return "result is missing"
    said = result["result"]
    wanted = _RESULT_MEMBERS.get(sample.type, ()) if sample is not None else ()
    if wanted and not isinstance(said, dict):
        return f"result is {_kind(said)}; it should be an object"
    for name in wanted:
        if not isinstance(said.get(name), list):
            return f"result.{name} is {_kind(said.get(name))}; it should be a list"
    return _beside(result)


def _beside(result: dict[str, Any]) -> str | None:
    confidence = result.get("confidence")
    if confidence is not None and not (_number(confidence) and 0 <= confidence <= 1):
        return f"confidence is {confidence!r}; give a number from 0 to 1, or leave it out"
    for name, kind, word in (("modelId", str, "a text"), ("metadata", dict, "an object")):
        said = result.get(name)
        if said is not None and not isinstance(said, kind):
            return f"{name} is {_kind(said)}; give {word}, or leave it out"
    return None


def _trained(result: dict[str, Any], _sample: Sample | None) -> str | None:
    if not isinstance(result.get("trained"), bool):
        return f"trained is {_kind(result.get('trained'))}; give true or false"
    if "size" in result and not (_number(result["size"]) and result["size"] >= 0):
        return f"size is {result['size']!r}; give how many points were learned from"
    return None


def _learned(result: dict[str, Any], _sample: Sample | None) -> str | None:
    said = result.get("accepted")
    return None if _number(said) else f"accepted is {_kind(said)}; give how many points were taken"


def _described(_result: dict[str, Any], _sample: Sample | None) -> str | None:
    return None


_SHAPES = {
    "predict": _prediction,
    "score": _scores,
    "optimize": _optimized,
    "train": _trained,
    "learn": _learned,
    "describe": _described,
}


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _kind(value: Any) -> str:
    if value is None:
        return "missing or null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object")

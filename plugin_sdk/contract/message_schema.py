"""The JSON Schema of every message, made from the structs: for authors who have no struct of ours to read with.

`python -m plugin_sdk.contract.message_schema` prints what docs/reference/protocol/schema.json holds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract import messages as m
from plugin_sdk.contract.errors import ErrorCode, ErrorData

Kinds = tuple[type[msgspec.Struct], ...]
NOTHING: Kinds = ()
# Of each method: what its params, and its result, may be.
METHODS: Mapping[str, tuple[Kinds, Kinds]] = {
    "initialize": ((m.InitializeParams,), (m.InitializeResult,)),
    "ping": (NOTHING, NOTHING),
    "train": ((m.TrainParams,), (m.TrainReply,)),
    "backtest": ((m.BacktestParams,), (m.BacktestReply,)),
    "adopt": ((m.AdoptParams,), (m.AdoptReply,)),
    "save": (NOTHING, (m.SaveReply,)),
    "learn": ((m.LearnParams,), (m.LearnReply,)),
    "predict": ((m.PredictParams, m.PredictManyParams), (m.Prediction, m.Abstained, m.ManyPredictions)),
    "score": ((m.ScoreParams,), (m.Scores, m.Abstained)),
    "optimize": ((m.OptimizeParams,), (m.OptimizeReply, m.Abstained)),
    "describe": (NOTHING, NOTHING),
    "shutdown": (NOTHING, NOTHING),
}
NOTIFICATIONS: Mapping[str, Kinds] = {
    "$/cancelRequest": (m.CancelParams,),
    "$/progress": (m.ProgressParams,),
    "log": (m.LogParams,),
}
_ID = {"type": ["integer", "string"]}


def messages_schema() -> dict[str, Any]:
    """One schema that any message of the protocol, either way, is valid by; its `$defs` have the parts.

    `$defs` has `METHOD.params` (without the `$/` of a notification), `METHOD.result` and `error` beside the structs' names. Members that are not known are
    allowed, as the protocol wants it.
    """
    kinds = {kind for pair in METHODS.values() for side in pair for kind in side}
    kinds |= {kind for side in NOTIFICATIONS.values() for kind in side} | {m.Meta, ErrorData}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, parts = msgspec.json.schema_components(
        ordered, schema_hook=_of_anything, ref_template="#/$defs/{name}"
    )
    defs: dict[str, Any] = {name: _in_a_line(parts[name]) for name in sorted(parts)}
    # A struct fills in what it does not find; on the wire the member is what tells "no" from an answer.
    defs["Abstained"]["properties"]["abstained"] = {"const": True}
    defs["Abstained"]["required"] = ["abstained"]
    for method, (params, result) in METHODS.items():
        defs[f"{method}.params"] = _params(params)
        defs[f"{method}.result"] = _any_of(result)
    for method, params in NOTIFICATIONS.items():
        defs[_params_name(method)] = _params(params)
    defs["error"] = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "integer", "examples": sorted(ErrorCode)},
            "message": {"type": "string"},
            "data": _ref("ErrorData"),
        },
    }
    asked = [_envelope(method, {"id": _ID}) for method in METHODS]
    told = [{**_envelope(method, {}), "not": {"required": ["id"]}} for method in NOTIFICATIONS]
    results = sorted(f"{method}.result" for method in METHODS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A message of the engine-ops plugin protocol, version 1",
        "anyOf": [
            *asked,
            *told,
            _answer("result", {"anyOf": [_ref(name) for name in results]}, _ID),
            _answer("error", _ref("error"), {"type": ["integer", "string", "null"]}),
        ],
        "$defs": defs,
    }


def _of_anything(kind: type) -> dict[str, Any]:
    """`object` stands for any JSON."""
    if kind is object:
        return {"description": "any JSON"}  # an empty one counts as none
    raise NotImplementedError


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _params_name(method: str) -> str:
    return f"{method.removeprefix('$/')}.params"  # a "/" would be a step in a reference


def _in_a_line(part: dict[str, Any]) -> dict[str, Any]:
    """Without the rest of the struct's docstring, which is the page's matter."""
    return {**part, "description": part["description"].partition("\n")[0]}


def _any_of(kinds: Kinds) -> dict[str, Any]:
    if not kinds:
        return {"type": "object"}
    refs = [_ref(kind.__name__) for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _params(kinds: Kinds) -> dict[str, Any]:
    return {"allOf": [_any_of(kinds), {"properties": {"_meta": _ref("Meta")}}]}


def _envelope(method: str, more: dict[str, Any]) -> dict[str, Any]:
    given = {"jsonrpc": {"const": "2.0"}, "method": {"const": method}, **more}
    # Left out, params mean the same as `{}`: right only where none are required.
    wanted = METHODS[method][0] if method in METHODS else NOTIFICATIONS[method]
    params = ["params"] if wanted else []
    return {
        "type": "object",
        "required": [*given, *params],
        "properties": {**given, "params": _ref(_params_name(method))},
    }


def _answer(member: str, schema: dict[str, Any], id_: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["jsonrpc", "id", member],
        "properties": {"jsonrpc": {"const": "2.0"}, "id": id_, member: schema},
    }


if __name__ == "__main__":
    encoded = msgspec.json.encode(messages_schema())
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")

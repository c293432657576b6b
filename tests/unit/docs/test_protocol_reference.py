"""The page is normative for others and the structs for us, so they must say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from plugin_sdk.contract import messages as m
from plugin_sdk.contract.errors import ErrorCode, ErrorData
from plugin_sdk.contract.message_schema import METHODS, NOTHING, NOTIFICATIONS, messages_schema
from plugin_sdk.contract.problems import parse_problem
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import REQUEST_TYPES, WorkloadDataPoint
from plugin_sdk.protocol.connection import TRANSITIONS
from plugin_sdk.protocol.wire import ErrorObject, decode_message

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "protocol.md").read_text(encoding="utf-8")
VECTORS: list[dict[str, Any]] = json.loads(
    (REFERENCE / "protocol" / "vectors.json").read_text(encoding="utf-8")
)

SCHEMA: dict[str, Any] = json.loads((REFERENCE / "protocol" / "schema.json").read_text(encoding="utf-8"))

PARAMS: dict[str, tuple[Any, ...]] = {method: pair[0] for method, pair in METHODS.items()} | dict(
    NOTIFICATIONS
)
RESULTS: dict[str, tuple[Any, ...]] = {method: pair[1] for method, pair in METHODS.items()}


def blocks(kind: str) -> list[list[str]]:
    """The lines of every fenced block with this info string, in the page's order."""
    found = re.findall(rf"^```{re.escape(kind)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text.splitlines() for text in found]


def exchanges() -> Iterator[tuple[str, str, Any]]:
    """(method, "params" | "result" | "error", value) of every example message; each answer after its request."""
    for lines in blocks("json"):
        asked: dict[Any, str] = {}
        for line in lines:
            decode_message(line.encode())
            message = json.loads(line)
            if "method" in message:
                if "id" in message:
                    asked[message["id"]] = message["method"]
                yield message["method"], "params", message["params"]
            else:
                part = "result" if "result" in message else "error"
                yield asked.pop(message["id"]), part, message[part]
        assert not asked, f"requests without an answer: {asked}"


EXCHANGES = list(exchanges())


def only_known_members(value: Any, kind: Any) -> Any:
    """*value* as *kind*, and nothing in it that *kind* does not have; the example must teach no member in vain."""
    struct = msgspec.convert(value, kind)
    kept = json.loads(msgspec.json.encode(struct))

    def same(given: Any, read: Any, path: str) -> None:
        if isinstance(given, dict) and isinstance(read, dict):
            defaults = {name for name in given if name not in read}
            for name in defaults:  # omitted on the way out when equal to the default
                assert any(name == field.encode_name for field in msgspec.structs.fields(kind)), (
                    f"{path}.{name}"
                )
            for name in given.keys() & read.keys():
                same(given[name], read[name], f"{path}.{name}")
        elif isinstance(given, list) and isinstance(read, list):
            assert len(given) == len(read)
            for index, (one, other) in enumerate(zip(given, read, strict=True)):
                same(one, other, f"{path}[{index}]")

    same(value, kept, kind.__name__)
    return struct


def test_every_example_reads_as_what_it_is() -> None:
    for method, part, value in EXCHANGES:
        if part == "error":
            error = msgspec.convert(value, ErrorObject)
            data = only_known_members(error.data, ErrorData)
            assert data.kind == ErrorCode(error.code).kind
            continue
        if part == "params":
            meta = value.pop("_meta", None)
            if meta is not None:
                only_known_members(meta, m.Meta)
        kinds = (PARAMS if part == "params" else RESULTS).get(method)
        if kinds is None:
            assert method == "no.such.method"
        elif not kinds:
            assert isinstance(value, dict)
        else:
            kind = m.Abstained if part == "result" and "abstained" in value else kinds[0]
            if "inputs" in value or "predictions" in value:
                kind = kinds[-1]
            only_known_members(value, kind)


def test_the_schema_beside_the_page_is_the_structs() -> None:
    assert messages_schema() == SCHEMA, (
        "write it anew: python -m plugin_sdk.contract.message_schema > docs/reference/protocol/schema.json"
    )
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert METHODS.keys() == set(m.HOST_METHODS)


def by_schema(part: str) -> jsonschema.Draft202012Validator:
    """What one of the schema's parts allows."""
    return jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{part}"}]})


def test_every_example_is_valid_by_the_schema() -> None:
    whole = jsonschema.Draft202012Validator(SCHEMA)
    for line in (line for lines in blocks("json") for line in lines if "no.such.method" not in line):
        whole.validate(json.loads(line))
    for method, part, value in exchanges():
        if method != "no.such.method":
            by_schema("error" if part == "error" else f"{method.removeprefix('$/')}.{part}").validate(value)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("predict.params", {}),
        ("score.result", {"scores": "high"}),
        ("score.result", {"reason": "neither scores nor a no"}),
        ("initialize.result", {"protocol": "1", "plugin": {"name": "a", "version": "1.0.0"}}),
        ("log.params", {"level": "info"}),
        ("error", {"code": "bad", "message": "text"}),
    ],
)
def test_what_the_page_does_not_allow_is_not_valid(part: str, wrong: Any) -> None:
    assert not by_schema(part).is_valid(wrong)


@pytest.mark.parametrize("method", m.HOST_METHODS)
def test_every_method_has_its_section_and_an_example(method: str) -> None:
    assert f"### `{method}`\n" in PAGE
    assert any(each == method and part == "params" for each, part, _ in EXCHANGES)
    assert any(each == method and part == "result" for each, part, _ in EXCHANGES)


def test_no_section_is_about_a_method_that_does_not_exist() -> None:
    methods_part = PAGE.split("\n## Methods\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^### `(.+)`$", methods_part, re.MULTILINE)) == set(m.HOST_METHODS)


@pytest.mark.parametrize(
    "kind",
    [
        m.InitializeParams,
        m.InitializeResult,
        m.Capability,
        m.Meta,
        m.WireLimits,
        m.PredictParams,
        m.Prediction,
        m.PredictManyParams,
        m.PredictionEntry,
        m.ManyPredictions,
        m.ScoreParams,
        m.Scores,
        m.OptimizeParams,
        m.OptimizeReply,
        m.TrainParams,
        m.TrainReply,
        m.LearnParams,
        m.LearnReply,
        m.Abstained,
        m.LogParams,
        m.ProgressParams,
        WorkloadDataPoint,
        ErrorData,
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_member_is_on_the_page(kind: Any) -> None:
    for field in msgspec.structs.fields(kind):
        assert re.search(rf"`(\{{.*)?{field.encode_name}\b", PAGE), f"{kind.__name__}.{field.encode_name}"


def test_the_table_of_errors_is_the_vocabulary() -> None:
    rows = re.findall(r"^\| (-\d+) \| (\w+) \|", PAGE, re.MULTILINE)
    assert {(int(code), kind) for code, kind in rows} == {(int(code), code.kind) for code in ErrorCode}
    assert len(rows) == len(ErrorCode)


def test_the_table_of_states_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| .+ \|$", PAGE.split("## A life")[1], re.MULTILINE)
    said = {
        (state, step, then) for state, step, then in rows if state in {"new", "ready", "closing", "closed"}
    }
    assert said == {
        (state.value, step.value, then.value)
        for state, steps in TRANSITIONS.items()
        for step, then in steps.items()
    }


def test_the_limits_left_out_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (\d+) \|$", PAGE.split("## Limits")[1], re.MULTILINE))
    assert {name: float(value) for name, value in rows.items()} == msgspec.to_builtins(m.WireLimits())


def test_every_problem_on_the_page_is_well_formed_and_all_types_are_there() -> None:
    kinds = []
    for (line,) in blocks("json data"):
        data = json.loads(line)
        type_ = "performance" if "parameters" in data else "resource" if "items" in data else "scheduling"
        parse_problem(OptimizeRequest(id="r", type=type_, data=data))
        kinds.append(type_)
    assert sorted(kinds) == ["performance", "resource", *["scheduling"] * 3]
    assert all(f"**{type_}" in PAGE for type_ in REQUEST_TYPES)
    assert len(blocks("json result")) == len(kinds)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_sends_what_the_host_could_send_and_expects_what_can_be_answered(
    vector: dict[str, Any],
) -> None:
    assert set(vector) <= {"name", "about", "needs", "handles", "send", "expect", "exit"}
    owed: dict[Any, str] = {}
    unreadable = 0
    for line in vector["send"]:
        if isinstance(line, str):
            try:
                line = json.loads(line)
            except json.JSONDecodeError:
                unreadable += bool(line.strip())
                continue
        decode_message(msgspec.json.encode(line))
        if "method" not in line:
            continue
        for kind in PARAMS.get(line["method"], NOTHING)[:1]:
            msgspec.convert(line["params"], kind)
        if "id" in line:
            assert line["id"] not in owed
            owed[line["id"]] = line["method"]
    for expected in vector["expect"]:
        message = expected["message"]
        if message["id"] is None:
            unreadable -= 1
            continue
        method = owed.pop(message["id"])
        result = message.get("result")
        if isinstance(result, dict) and method == "initialize":
            assert result["protocol"] == 1
    assert not owed
    assert unreadable == 0
    assert set(vector.get("needs", ())) <= set(m.HOST_METHODS)


def test_no_two_vectors_have_one_name() -> None:
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)

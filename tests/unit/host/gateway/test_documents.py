"""The documents for machines are valid by their own standards, and say what the code does."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from host.gateway.methods.table import method_table
from host.gateway.openapi import openapi_document
from host.gateway.openrpc import openrpc_document
from host.gateway.routes import ROUTES
from host.gateway.traffic import Traffic

VENDOR = Path(__file__).parents[3] / "vendor" / "openrpc"
TABLE = method_table(Traffic())


def as_sent(document: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document))


OPENRPC = as_sent(openrpc_document(TABLE))
OPENAPI = as_sent(openapi_document())


def meta_schema_validator() -> jsonschema.Draft7Validator:
    whole = json.loads((VENDOR / "open-rpc-meta-schema-1.14.9.json").read_text())
    inner = json.loads((VENDOR / "json-schema-meta-schema-1.8.0.json").read_text())
    known = Resource.from_contents(inner, default_specification=DRAFT7)
    registry: Registry[Any] = Registry().with_resources(
        [("https://meta.json-schema.tools/", known), ("https://meta.json-schema.tools", known)]
    )
    return jsonschema.Draft7Validator(whole, registry=registry)


def test_the_vendored_files_are_those_of_the_table() -> None:
    for name, digest in re.findall(
        r"^\| `(\S+)` .* (\w{64}) \|$", (VENDOR / "README.md").read_text(), re.MULTILINE
    ):
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_rpc_discover_is_valid_by_the_openrpc_meta_schema() -> None:
    meta_schema_validator().validate(OPENRPC)


def test_a_wrong_openrpc_document_would_be_seen() -> None:
    for wrong in (
        {**OPENRPC, "openrpc": "9.9"},
        {**OPENRPC, "methods": [{"name": "m"}]},
        {**OPENRPC, "surprise": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            meta_schema_validator().validate(wrong)


def test_openapi_is_valid_by_openapi_spec_validator() -> None:
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_a_wrong_openapi_document_would_be_seen() -> None:
    wrong = as_sent(OPENAPI)
    del wrong["paths"]["/api/v1/health"]["get"]["responses"]["200"]["description"]
    with pytest.raises(Exception, match="description"):
        OpenAPIV31SpecValidator(wrong).validate()


def test_every_method_is_described_with_its_parameters_by_name() -> None:
    assert [each["name"] for each in OPENRPC["methods"]] == list(TABLE)
    by_name = {each["name"]: each for each in OPENRPC["methods"]}
    predict = by_name["plugins.predict"]
    required = {each["name"]: each["required"] for each in predict["params"]}
    assert required == {"name": True, "input": True, "deadlineMs": False, "_meta": False}
    assert {each["paramStructure"] for each in OPENRPC["methods"]} == {"by-name"}
    assert by_name["events.subscribe"]["x-websocket-only"]


def test_every_reference_has_its_schema() -> None:
    for document in (OPENRPC, OPENAPI):
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
        assert names <= set(document["components"]["schemas"])


def test_every_route_is_described_and_no_other() -> None:
    said = {(verb.upper(), path) for path, verbs in OPENAPI["paths"].items() for verb in verbs}
    assert said == {(route.verb, route.path) for route in ROUTES}
    assert len({route.operation for route in ROUTES}) == len(ROUTES)

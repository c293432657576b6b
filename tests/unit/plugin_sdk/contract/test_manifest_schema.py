"""The schema takes what the reader takes, and refuses what it refuses, as far as a schema can."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from plugin_sdk.contract.manifest import ManifestError, parse_manifest
from plugin_sdk.contract.manifest_schema import manifest_schema

HEAD = '[plugin]\nname = "a"\nversion = "1.0.0"\nhandles = ["resource"]\n'
GOOD = [
    HEAD + 'entry = "a:B"\n',
    HEAD + 'command = ["./x", "y"]\npriority = -3\nprotocol = 1\nauthor = "A"\ndescription = "d"\n',
    HEAD + 'entry = "a.b:C.d"\n[config]\nx = {y = 1}\n[limits]\nmemory = "512MiB"\ncpu = 0.5\nthreads = 2\n'
    'scratch = 1024\nstart_timeout = "10s"\ncall_timeout = "300ms"\ntrain_timeout = 5.5\n'
    "[dependencies]\npython = []\n",
]
BAD = [
    "",
    "[plugin]\n",
    HEAD,
    HEAD + 'entry = "a:B"\ncommand = ["x"]\n',
    HEAD + 'entry = "a"\n',
    HEAD.replace('"a"', '"A b"') + 'entry = "a:B"\n',
    HEAD.replace("1.0.0", "one") + 'entry = "a:B"\n',
    HEAD.replace("resource", "cooking") + 'entry = "a:B"\n',
    HEAD + 'entry = "a:B"\nprotocol = 2\n',
    HEAD + 'entry = "a:B"\nzzz = 2\n',
    HEAD + 'entry = "a:B"\n[limits]\nmemory = "much"\n',
    HEAD + 'entry = "a:B"\n[limits]\ncall_timeout = "soon"\n',
    HEAD + 'entry = "a:B"\n[limits]\ncpu = 0\n',
    HEAD + 'entry = "a:B"\n[zzz]\n',
    HEAD.replace("1.0.0", "1.0") + 'entry = "a:B"\n',
    HEAD.replace('["resource"]', "[]") + 'entry = "a:B"\n',
    HEAD + 'entry = "a:B"\n[limits]\nzzz = 0\n',
    HEAD + 'entry = "a:B"\n[training]\ngrowth = 0\n',
    HEAD + 'entry = "a:B"\n[dependencies]\npython = "x"\n',
]
SAMPLES = sorted(Path(__file__).parents[4].glob("sample_plugins/**/plugin.toml"))
SCHEMA = Draft7Validator(manifest_schema())


def test_the_schema_is_one():
    Draft7Validator.check_schema(manifest_schema())


@pytest.mark.parametrize("text", GOOD)
def test_what_the_reader_takes_the_schema_takes(text):
    parse_manifest(text.encode())
    assert [each.message for each in SCHEMA.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize("text", BAD)
def test_what_the_reader_refuses_the_schema_refuses(text):
    with pytest.raises(ManifestError):
        parse_manifest(text.encode())
    assert not SCHEMA.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda each: each.parent.name)
def test_every_sample_plugin_is_valid(path):
    SCHEMA.validate(tomllib.loads(path.read_text()))

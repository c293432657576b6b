"""The schemas take what the readers take, and refuse what they refuse."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from host.cli.schemas import config_schema, manifest_schema
from host.config import config_from, room_defaults
from host.errors import ConfigError
from plugin_sdk.contract.manifest import ManifestError, parse_manifest

ROOT = Path(__file__).parents[4]
CONFIG = jsonschema.Draft202012Validator(json.loads(json.dumps(config_schema())))
MANIFEST = jsonschema.Draft202012Validator(json.loads(json.dumps(manifest_schema())))
HEAD = '[plugin]\nname = "a"\nversion = "1.0.0"\nhandles = ["resource"]\nentry = "a:B"\n'


def test_both_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())
    jsonschema.Draft202012Validator.check_schema(manifest_schema())


def test_every_default_is_valid_and_named() -> None:
    tables = {
        name: {each.name: getattr(base, each.name) for each in fields(base)}
        for name, base in room_defaults().items()
    }
    CONFIG.validate(json.loads(json.dumps(tables)))
    assert set(config_schema()["properties"]) == {*tables, "plugins"}


@pytest.mark.parametrize(
    "text",
    [
        "[sandbx]",
        "[calls]\ngrace = 1",
        "[calls]\ngrace_s = '1'",
        "[calls]\ngrace_s = -1",
        "[calls]\nin_flight = 0",
        "[sandbox]\nisolation = 'of'",
        "[serve]\nlog_level = 'loud'",
        "[gateway]\nallowed_hosts = 'a'",
        "[plugins.a]\nprio = 1",
        "[plugins.a]\nenabled = 1",
    ],
)
def test_a_configuration_is_refused_by_both(text) -> None:
    tables = tomllib.loads(text)
    assert not CONFIG.is_valid(tables)
    with pytest.raises(ConfigError):
        config_from(tables, lambda table, key: "file")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("sample_plugins/*/plugin.toml")), ids=lambda each: each.parent.name
)
def test_every_sample_plugin_is_valid(path) -> None:
    MANIFEST.validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[plugin]\n",
        HEAD.replace('"a"', '"A"'),
        HEAD.replace("1.0.0", "1.0"),
        HEAD.replace('["resource"]', "[]"),
        HEAD.replace("resource", "resources"),
        HEAD + 'command = ["x"]\n',
        HEAD.replace('entry = "a:B"\n', ""),
        HEAD + "protocol = 2\n",
        HEAD + "zzz = 1\n",
        HEAD + '[limits]\nmemory = "12 parsecs"\n',
        HEAD + "[limits]\ncpu = 0\n",
        HEAD + "[limits]\nzzz = 0\n",
        HEAD + "[zzz]\n",
        HEAD + '[dependencies]\npython = "x"\n',
    ],
)
def test_a_manifest_is_refused_by_both(text) -> None:
    assert not MANIFEST.is_valid(tomllib.loads(text))
    with pytest.raises(ManifestError):
        parse_manifest(text.encode())


def test_a_good_manifest_is_taken_by_both() -> None:
    text = (
        HEAD
        + '[config]\nx = 1\n[limits]\nmemory = "512MiB"\ncall_timeout = "1s"\n[dependencies]\npython = ["x>=1"]\n'
    )
    MANIFEST.validate(tomllib.loads(text))
    parse_manifest(text.encode())

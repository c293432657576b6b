"""The schema takes what the reader takes, and refuses what it refuses."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields

import jsonschema
import pytest

from host.cli.schemas import config_schema
from host.config import config_from, room_defaults
from host.errors import ConfigError
from host.registry.settings import Settings

CONFIG = jsonschema.Draft202012Validator(json.loads(json.dumps(config_schema())))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


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


def test_every_setting_of_one_plugin_is_in_the_schema() -> None:
    said = config_schema()["properties"]["plugins"]["additionalProperties"]["properties"]
    assert set(said) == set(Settings.__struct_fields__)
    table = {"plugins": {"a": {"training": {"growth": 0.5}, "limits": {"memory": "1GiB"}, "priority": 1}}}
    CONFIG.validate(table)
    config_from(table, lambda table, key: "file")

"""The JSON Schema of `engine-ops.toml`. That of `plugin.toml` is the SDK's: `plugin_sdk.contract.manifest_schema`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from host.config import LEVELS, room_defaults, unfit
from host.sandbox.machine import TIERS
from host.sandbox.policy import ISOLATION
from plugin_sdk.contract.manifest_schema import limits_schema, training_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CHOICES = {"log_level": LEVELS, "isolation": ISOLATION, "min_tier": TIERS}
PRIORITY = {"type": "integer", "minimum": -1_000_000, "maximum": 1_000_000}


def config_schema() -> dict[str, Any]:
    """Of `engine-ops.toml`: a table a room, and one for each plugin."""
    tables: dict[str, Any] = {}
    for name, base in room_defaults().items():
        members = {each.name: _setting(each.name, getattr(base, each.name)) for each in fields(base)}
        tables[name] = {"type": "object", "additionalProperties": False, "properties": members}
    plugin = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "enabled": {"type": "boolean"},
            "priority": PRIORITY,
            "config": {"type": "object"},
            "training": training_schema(),
            "limits": limits_schema(),
        },
    }
    tables["plugins"] = {"type": "object", "additionalProperties": plugin}
    return {
        "$schema": DIALECT,
        "title": "engine-ops.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": tables,
    }


def _setting(key: str, default: object) -> dict[str, Any]:
    if isinstance(default, bool):
        return {"type": "boolean", "default": default}
    if isinstance(default, str):
        chosen = CHOICES.get(key)
        return {"type": "string", "default": default, **({"enum": list(chosen)} if chosen else {})}
    if isinstance(default, tuple):
        return {"type": "array", "items": {"type": "string"}, "default": list(default)}
    bound = "minimum" if unfit(key, default, 0) is None else "exclusiveMinimum"
    return {"type": "integer" if isinstance(default, int) else "number", bound: 0, "default": default}

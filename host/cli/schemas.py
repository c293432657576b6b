"""JSON Schemas of the two files people write: `engine-ops.toml` and `plugin.toml`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from host.config import LEVELS, room_defaults, unfit
from host.sandbox.machine import TIERS
from host.sandbox.policy import ISOLATION
from plugin_sdk.contract.manifest import ENTRY, NAME, VERSION
from plugin_sdk.contract.workload import REQUEST_TYPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CHOICES = {"log_level": LEVELS, "isolation": ISOLATION, "min_tier": TIERS}
TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}}
SIZE = {
    "oneOf": [
        {"type": "integer", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|KB|MB|GB|KiB|MiB|GiB)?$"},
    ]
}
TIME = {
    "oneOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 86400},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|min|h)?$"},
    ]
}
LIMITS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "memory": SIZE,
        "cpu": {"type": "number", "exclusiveMinimum": 0, "maximum": 4096},
        "threads": {"type": "integer", "minimum": 1, "maximum": 4096},
        "scratch": SIZE,
        "start_timeout": TIME,
        "call_timeout": TIME,
        "train_timeout": TIME,
    },
}
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
            "limits": LIMITS,
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


def manifest_schema() -> dict[str, Any]:
    """Of `plugin.toml`."""
    plugin = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "version", "handles"],
        "oneOf": [{"required": ["entry"]}, {"required": ["command"]}],
        "properties": {
            "name": {"type": "string", "pattern": _whole(NAME.pattern)},
            "version": {"type": "string", "pattern": _whole(VERSION.pattern)},
            "description": {"type": "string"},
            "author": {"type": "string"},
            "handles": {"type": "array", "minItems": 1, "items": {"enum": list(REQUEST_TYPES)}},
            "entry": {"type": "string", "pattern": _whole(ENTRY.pattern)},
            "command": {**TEXTS, "minItems": 1},
            "protocol": {"const": 1},
            "priority": PRIORITY,
        },
    }
    return {
        "$schema": DIALECT,
        "title": "plugin.toml",
        "type": "object",
        "additionalProperties": False,
        "required": ["plugin"],
        "properties": {
            "plugin": plugin,
            "config": {"type": "object"},
            "limits": LIMITS,
            "dependencies": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"python": TEXTS},
            },
        },
    }


def _whole(pattern: str) -> str:
    """A pattern of Python's that is matched from the start, as one of a schema's, which is searched for."""
    return "^" + pattern.removesuffix(r"\Z") + "$"

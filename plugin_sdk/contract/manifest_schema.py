"""The JSON Schema of `plugin.toml`, for editors: what `parse_manifest` takes, as far as a schema can say it.

A manifest names it in its first line, `#:schema FILE`, which Taplo and what is built on it read.
"""

from __future__ import annotations

from typing import Any

from plugin_sdk.contract.manifest import ENTRY, NAME, VERSION, Limits
from plugin_sdk.contract.workload import REQUEST_TYPES

SCHEMA_FILE = ".plugin.schema.json"  # a hidden file: a change of it reloads nothing


def manifest_schema() -> dict[str, Any]:
    """The schema, as plain JSON."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "plugin.toml",
        "type": "object",
        "additionalProperties": False,
        "required": ["plugin"],
        "properties": {
            "plugin": _plugin(),
            "config": {"type": "object", "description": "Handed to the plugin; the operator's settings win."},
            "limits": limits_schema(),
            "training": training_schema(),
            "dependencies": _object({"python": _texts("Packages for an environment of its own")}),
        },
    }


def _plugin() -> dict[str, Any]:
    members = {
        "name": _text("Unique among the plugins of a host", NAME.pattern),
        "version": _text("A SemVer version", VERSION.pattern),
        "description": _text("What it does, in a sentence"),
        "author": _text("Who made it"),
        "handles": {
            "type": "array",
            "minItems": 1,
            "items": {"enum": list(REQUEST_TYPES)},
            "description": "The requests it is asked about",
        },
        "entry": _text("module:attribute in this folder", ENTRY.pattern),
        "command": _texts("A program in any language, and its arguments") | {"minItems": 1},
        "protocol": {"const": 1, "description": "The version of the protocol"},
        "priority": {
            "type": "integer",
            "minimum": -1_000_000,
            "maximum": 1_000_000,
            "description": "Higher is asked first",
        },
    }
    either = [{"required": ["entry"]}, {"required": ["command"]}]
    return _object(members) | {"required": ["name", "version", "handles"], "oneOf": either}


def training_schema() -> dict[str, Any]:
    """Of the table `[training]`; an operator's word has the same."""
    return _object(
        {
            "growth": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "Trained again when the history has grown by this part",
            },
            "every_points": {
                "type": "integer",
                "minimum": 1,
                "description": "Trained again after so many points",
            },
            "every": {"type": ["string", "number"], "description": "Trained again after so long, e.g. 60m"},
            "on_drift": {"type": "boolean", "description": "Trained again when what is recorded drifts"},
            "by_hand": {"type": "boolean", "description": "Trained by plugins.train alone"},
        }
    )


def limits_schema() -> dict[str, Any]:
    """Of the table `[limits]`; an operator's word has the same."""
    base = Limits()
    size = {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": r"^\d+(\.\d+)?\s*([KMG]i?)?B?$"},
        ]
    }
    time = {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
            {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|min|h)?$"},
        ]
    }
    return _object(
        {
            "memory": size | {"description": "Of it and all its children", "default": "512MiB"},
            "cpu": {"type": "number", "exclusiveMinimum": 0, "maximum": 4096, "default": base.cpu_cores},
            "threads": {"type": "integer", "minimum": 1, "maximum": 4096, "default": base.threads},
            "scratch": size | {"description": "Its private writable folder", "default": "64MiB"},
            "start_timeout": time | {"description": "To its answer to initialize", "default": "30s"},
            "call_timeout": time | {"description": "The longest one call may take", "default": "5s"},
            "train_timeout": time | {"description": "The longest one training may take", "default": "60s"},
        }
    )


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": members}


def _text(description: str, pattern: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "string", "description": description}
    # Python's \Z is ECMAScript's $, and a match there need not begin at the beginning.
    return said if pattern is None else said | {"pattern": "^" + pattern.replace(r"\Z", "$")}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "minLength": 1}, "description": description}

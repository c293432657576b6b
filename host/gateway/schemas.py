"""JSON Schemas of the structs, for the documents that machines read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

REF = "#/components/schemas/{name}"


def components_of(types: Sequence[Any]) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    """The schema of each type, by its place in *types*, and the schemas these refer to."""
    made, components = msgspec.json.schema_components(types, ref_template=REF)
    return dict(enumerate(made)), components


def members_of(kind: type[Any], components: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """Name, schema and whether it must be given, of each member of a struct."""
    whole = components[kind.__name__]
    required = set(whole.get("required", ()))
    return [(name, schema, name in required) for name, schema in whole.get("properties", {}).items()]

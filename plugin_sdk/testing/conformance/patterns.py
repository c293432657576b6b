"""The pattern language of the protocol's vectors; docs/reference/protocol.md, "The vectors", defines it."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
}


def fits(pattern: Any, value: Any) -> bool:
    """Whether *value* is as *pattern* says."""
    if isinstance(pattern, dict):
        if set(pattern) == {"$type"}:
            wanted = _TYPES[pattern["$type"]]
            return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        if set(pattern) == {"$oneOf"}:
            return any(fits(each, value) for each in pattern["$oneOf"])
        if set(pattern) == {"$length"}:
            return isinstance(value, list) and len(value) == pattern["$length"]
        if set(pattern) == {"$only"}:
            members = pattern["$only"]
            return isinstance(value, dict) and value.keys() == members.keys() and fits(members, value)
        return isinstance(value, dict) and all(
            name in value and fits(each, value[name]) for name, each in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and len(value) == len(pattern) and all(map(fits, pattern, value))
    return type(value) is type(pattern) and bool(value == pattern)

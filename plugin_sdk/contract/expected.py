"""What stands at a path of a type: for messages about values that msgspec names only in part."""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping
from typing import Any

import msgspec


def member_of(kind: Any, name: str) -> Any:
    """The type of the member *name* of a struct, or of any member of a mapping; `None` where that is not known."""
    for each in _alternatives(kind):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            for field in msgspec.structs.fields(each):
                if field.encode_name == name:
                    return field.type
        elif _is_mapping(each):
            return typing.get_args(each)[1]
    return None


def entry_of(kind: Any) -> Any:
    """The type of the entries of a list."""
    for each in _alternatives(kind):
        if typing.get_origin(each) in (list, tuple, set, frozenset):
            return typing.get_args(each)[0]
    return None


def culprit_of(kind: Any, value: object) -> tuple[str, object] | None:
    """The first member of the mapping *value* that its type does not take, and what stands there."""
    for each in _alternatives(kind):
        if not (_is_mapping(each) and isinstance(value, dict)):
            continue
        wanted = typing.get_args(each)[1]
        for name, found in value.items():
            try:
                msgspec.convert(found, wanted)
            except msgspec.ValidationError:
                return str(name), found
    return None


def choices_of(kind: Any) -> list[str]:
    """The words to choose from; none where any will do."""
    for each in _alternatives(kind):
        if typing.get_origin(each) is typing.Literal:
            return [str(word) for word in typing.get_args(each)]
        if isinstance(each, type) and issubclass(each, enum.Enum):
            return [str(word.value) for word in each]
    return []


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _alternatives(kind: Any) -> list[Any]:
    """*kind*, or the members of the union that it is, without what `Annotated` says beside them."""
    if typing.get_origin(kind) is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, type(int | str)):
        return [inner for each in typing.get_args(kind) for inner in _alternatives(each)]
    return [kind]

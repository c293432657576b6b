"""What authors' code returns, as JSON: numpy's scalars and arrays too, finite numbers only."""

from __future__ import annotations

import math
from typing import Any

import msgspec


class NotJsonError(ValueError):
    """A value cannot be said in JSON; the message says where and why."""


def _plain(value: Any) -> Any:
    """Scalars, arrays and frames of numpy and its kin, told by what they can do; numpy is not imported."""
    for name in ("tolist", "item", "to_dict"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    raise NotImplementedError(f"a {type(value).__module__}.{type(value).__qualname__} is no JSON value")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def encode_finite(value: Any, root: str = "result") -> bytes:
    """*value* as JSON.

    Args:
        value: Plain JSON values, structs, and whatever has `tolist()`, `item()` or `to_dict()`.
        root: How the value is called in messages.

    Raises:
        NotJsonError: A number in it is not finite, or something in it has no form in JSON.
    """
    try:
        encoded = _encode(value)
    except (TypeError, ValueError, OverflowError, NotImplementedError, RecursionError) as error:
        raise NotJsonError(f"{root} is not JSON: {error}") from error
    # msgspec writes null for NaN and the infinities, so where no null was written all is finite.
    if b"null" in encoded:
        path = _first_not_finite(value, root)
        if path is not None:
            raise NotJsonError(f"result is not finite: {path}")
    return encoded


def _first_not_finite(value: Any, path: str) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path} is {float(value)!r}"
    if value is None or isinstance(value, (str, bytes, int)):
        return None
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        members = [(f"{path}.{said}", getattr(value, name)) for said, name in names]
    elif isinstance(value, dict):
        members = [(f"{path}.{name}", member) for name, member in value.items()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        members = [(f"{path}[{index}]", member) for index, member in enumerate(value)]
    else:
        try:
            return _first_not_finite(_plain(value), path)
        except NotImplementedError:
            return None
    for where, member in members:
        found = _first_not_finite(member, where)
        if found is not None:
            return found
    return None

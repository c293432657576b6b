"""What stands in a cell of CSV, so that the same value is read back.

A number, true and false, a list or an object are JSON. A text stands as it is, unless it would read as JSON, or
begins with a quotation mark or a space, or is empty: then it is a JSON string. An empty cell is "none".
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.workload.formats.table import FEATURE, METADATA, USAGE, Kind

_encode, _decode = msgspec.json.Encoder(), msgspec.json.Decoder()


def cell(value: Any, kind: Kind) -> str:
    """A typed cell as text."""
    if value is None:
        return ""
    if kind == "text":
        text = str(value)
        return _encode.encode(text).decode() if text[:1] in ("", '"', " ") or _is_json(text) else text
    if kind == "json":
        return str(value)  # it is JSON already
    return _encode.encode(value).decode()


def typed(name: str, text: str) -> Any:
    """The value that a cell of column *name* says."""
    if not text:
        return None
    if name.startswith(USAGE) or name in ("timestamp", "duration"):
        return float(text)
    if name.startswith(FEATURE) or name in ("success", "requestType", "requestId", METADATA):
        try:
            value = _decode.decode(text)
        except msgspec.DecodeError:
            return text
        return value if name.startswith(FEATURE) or isinstance(value, str | bool | dict) else text
    return text


def _is_json(text: str) -> bool:
    try:
        _decode.decode(text)
    except msgspec.DecodeError:
        return False
    return True

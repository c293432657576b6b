"""JSON-RPC 2.0 from the outside: bytes in, calls and refusals out.

Pure. What is strict here need not be checked again behind it: every value that gets through is finite,
valid Unicode and at most `max_depth` deep, so it can be written out again.

Source: JSON-RPC 2.0 Specification, sections 4 to 7; RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from plugin_sdk.contract.decode import show
from plugin_sdk.contract.errors import ErrorCode, ErrorData

BOM = b"\xef\xbb\xbf"
# Possessive, and an open string runs to the end: linear on any bytes, well-formed or not.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_NUMBER_WORD = re.compile(rb"(?:NaN|Infinity)\b")  # of "-Infinity", the parser stops after the sign
_POSITION = re.compile(r"\(byte (\d+)\)$")

_ID_TYPES = (str, int, float, type(None))  # a union would be made anew at each look
_VALUE_LIMIT = 120  # characters; `show` cuts there

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode
"""JSON of any result. Numbers that are not finite become null, so what is written is always strict JSON."""


@dataclass(frozen=True, slots=True)
class EnvelopeLimits:
    """What one body may hold.

    Attributes:
        max_bytes: Of the whole body.
        max_depth: Arrays and objects inside each other, the outermost counted.
        max_batch: Calls in one batch.
    """

    max_bytes: int = 8 * 1024 * 1024
    max_depth: int = 64
    max_batch: int = 1000


class Call(msgspec.Struct, frozen=True):
    """One well-formed request object, as it was sent. Without a member `id` it is a notification."""

    element: dict[str, Any]


class Refusal(msgspec.Struct, frozen=True):
    """An entry, or a whole body, that is no request; answered with this error."""

    id: str | int | float | None
    code: ErrorCode
    message: str
    data: ErrorData | None = None


class Body(msgspec.Struct, frozen=True):
    """What a body holds, in its order. A *batch* is answered with an array."""

    entries: Sequence[Call | Refusal]
    batch: bool


class JsonError(ValueError):
    """The bytes are not strict JSON. The text says what is wrong with them and is fit for readers.

    Attributes:
        plain: Nothing but malformed syntax, which the bare "Parse error" of the specification says enough of.
    """

    def __init__(self, message: str, *, plain: bool = False, path: str | None = None) -> None:
        super().__init__(message)
        self.plain = plain
        self.path = path


def read_json(body: bytes, limits: EnvelopeLimits) -> Any:
    """The value in *body*.

    Raises:
        JsonError: It is not UTF-8, not JSON, has numbers beyond a double or a member twice, or is too large or
            too deep.
    """
    if len(body) > limits.max_bytes:
        raise JsonError(f"the body has {len(body)} bytes; send at most {limits.max_bytes}")
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep(limits) from None
    except UnicodeDecodeError as error:
        raise JsonError("the body is not valid UTF-8; send it as UTF-8") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise _malformed(body, error) from error
    # Most bodies have too few brackets to be deep: nothing to measure then.
    if body.count(b"[") + body.count(b"{") > limits.max_depth and deeper_than(body, limits.max_depth):
        raise _too_deep(limits)
    if _lost_a_member(body, encode(value)):
        raise JsonError(f"the body has {twice_in(body)} twice in one object; give each member once")
    return value


def _lost_a_member(body: bytes, again: bytes) -> bool:
    """Whether *again*, the value written out again, has fewer members than *body*: one of two of a name is lost."""
    if b"\\" not in body:
        # No string holds a quote: two stand around each, and each member has a string, its name.
        return body.count(b'"') != again.count(b'"')
    return _members(body) != _members(again)


def _members(text: bytes) -> int:
    """How many members all objects in *text* have together: outside strings, a colon stands nowhere else."""
    return _STRING.sub(b"", text).count(b":")


def twice_in(body: bytes) -> str:
    """The name of the first member that stands twice in one object of *body*, well-formed JSON."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found.append(name)
            seen.add(name)

    # Slow, but only on the way to an error. Integers may have more digits than Python reads.
    json.loads(body, object_pairs_hook=note, parse_int=str)
    return show(found[0]) if found else "a member"


def deeper_than(body: bytes, depth: int) -> bool:
    """Whether *body*, well-formed JSON, nests deeper than *depth*.

    Peels off one layer of leaves a round, so it takes at most *depth* passes, each at the speed of
    `bytes.replace`, and no walk over Python objects.
    """
    # Without a backslash no string holds a quote, so every other piece between quotes is outside of them.
    outside = _STRING.sub(b"", body) if b"\\" in body else b"".join(body.split(b'"')[::2])
    shape = outside.translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(depth):
        if not shape:
            return False
        shape = shape.replace(b"()", b"")
    return bool(shape)


def read_body(body: bytes, limits: EnvelopeLimits) -> Body:
    """The calls in a body, or why there are none; never raises."""
    try:
        value = read_json(body, limits)
    except JsonError as error:
        # The specification's examples carry no data; ours do where there is more to say than "not JSON".
        data = None if error.plain else ErrorData(kind=ErrorCode.PARSE_ERROR.kind, hint=str(error))
        return Body([Refusal(None, ErrorCode.PARSE_ERROR, "Parse error", data)], batch=False)
    if not isinstance(value, list):
        return Body([_read_entry(value)], batch=False)
    if not value:
        return Body([_invalid(None)], batch=False)
    if len(value) > limits.max_batch:
        hint = f"the batch has {len(value)} entries; send at most {limits.max_batch} at once"
        return Body([_invalid(None, hint=hint)], batch=False)
    return Body([_read_entry(entry) for entry in value], batch=True)


def _read_entry(entry: object) -> Call | Refusal:
    if not isinstance(entry, dict):
        return _invalid(None)
    request_id = entry.get("id")
    if not isinstance(request_id, _ID_TYPES) or isinstance(request_id, bool):
        return _invalid(
            None,
            path="id",
            value=request_id,
            hint="give a text or a number, or leave id out for a notification",
        )
    method = entry.get("method")
    if not isinstance(method, str):
        return _invalid(request_id)
    # It names a method, so a request was meant: say which member spoils it.
    if entry.get("jsonrpc") != "2.0":
        return _invalid(request_id, path="jsonrpc", value=entry.get("jsonrpc"), hint='give "2.0"')
    if not isinstance(entry.get("params", {}), (dict, list)):
        return _invalid(
            request_id, path="params", value=entry["params"], hint="give an object, or leave params out"
        )
    return Call(entry)  # further members are ignored: the specification does not forbid them


def _invalid(
    request_id: str | int | float | None,
    *,
    path: str | None = None,
    value: object = None,
    hint: str | None = None,
) -> Refusal:
    data = None
    if hint is not None:
        data = ErrorData(kind=ErrorCode.INVALID_REQUEST.kind, path=path, value=fit_value(value), hint=hint)
    return Refusal(request_id, ErrorCode.INVALID_REQUEST, "Invalid Request", data)


def fit_value(value: object) -> object:
    """*value* where it is short, else the beginning of it as text: an error does not send megabytes back."""
    text = show(value)
    return value if len(text) < _VALUE_LIMIT else text


def _too_deep(limits: EnvelopeLimits) -> JsonError:
    return JsonError(f"the body nests deeper than {limits.max_depth} levels; send it flatter")


def _malformed(body: bytes, error: Exception) -> JsonError:
    what = str(error)
    if body.startswith(BOM):
        return JsonError("the body begins with a byte order mark; send plain UTF-8 without it")
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return JsonError("the body is UTF-16; send it as UTF-8")
    if "out of range" in what:
        return JsonError("a number in the body is too large for a double; give a finite number")
    # Only where the parser stopped: a search of the whole body would let a caller stall the loop with it.
    at = _POSITION.search(what)
    if at and (found := _NUMBER_WORD.match(body, int(at.group(1)))):
        return JsonError(f"{found.group().decode()} is not a JSON number; give a finite number or null")
    return JsonError(f"the body is not JSON: {what.removeprefix('JSON is malformed: ')}", plain=True)


def failure_bytes(request_id: object, code: int, message: str, data: object = None) -> bytes:
    """A response object with an error."""
    error: dict[str, object] = {"code": int(code), "message": message}
    if data is not None:
        error["data"] = data
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (encode(error), encode(request_id))


def refusal_bytes(refusal: Refusal) -> bytes:
    """The response object to a refusal."""
    return failure_bytes(refusal.id, refusal.code, refusal.message, refusal.data)

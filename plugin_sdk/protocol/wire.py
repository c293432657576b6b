"""One JSON-RPC 2.0 message as bytes and back.

Source: JSON-RPC 2.0 Specification, sections 4 and 5.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

RequestId = int | str


class ErrorObject(msgspec.Struct):
    """The `error` member."""

    code: int
    message: str
    data: Any = None


class Message(msgspec.Struct, gc=False):
    """Any message, told apart by which members are there."""

    jsonrpc: Literal["2.0"]
    id: int | str | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: msgspec.Raw | UnsetType = UNSET
    result: msgspec.Raw | UnsetType = UNSET
    error: ErrorObject | UnsetType = UNSET


class PlainRequest(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A request with a number for its id: what the host sends, and nothing more in it than that."""

    jsonrpc: Literal["2.0"]
    id: int
    method: str
    params: msgspec.Raw | UnsetType = UNSET


class PlainAnswer(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A result for a number: what a plugin mostly sends, and nothing more in it than that."""

    jsonrpc: Literal["2.0"]
    id: int
    result: msgspec.Raw


decode_plain_request = msgspec.json.Decoder(PlainRequest).decode
decode_plain_answer = msgspec.json.Decoder(PlainAnswer).decode
decode_message = msgspec.json.Decoder(Message).decode
encode_json = msgspec.json.Encoder().encode


def timed_request_bytes(
    request_id: int, method: str, params: bytes, deadline_ms: int, more: bytes = b""
) -> bytes:
    """A request line with its deadline in `_meta`; *more* is further members of that, each with a comma before it."""
    if params == b"{}":
        return request_bytes(request_id, method, params, b'{"deadlineMs":%d%b}' % (deadline_ms, more))
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b,"_meta":{"deadlineMs":%d%b}}}\n' % (
        request_id,
        method.encode(),
        params[:-1],
        deadline_ms,
        more,
    )


def request_bytes(request_id: int, method: str, params: bytes, meta: bytes | None = None) -> bytes:
    """A request line. *params* is a JSON object, encoded, on one line; *meta* becomes its last member, `_meta`."""
    if meta is None:
        return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}\n' % (
            request_id,
            method.encode(),
            params,
        )
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b%b"_meta":%b}}\n' % (
        request_id,
        method.encode(),
        params[:-1],
        b"" if params == b"{}" else b",",
        meta,
    )


def notification_bytes(method: str, params: bytes) -> bytes:
    """A notification line."""
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}\n' % (method.encode(), params)


def result_bytes(request_id: RequestId, result: bytes) -> bytes:
    """A response line that carries a result, encoded, on one line."""
    if type(request_id) is int:
        return b'{"jsonrpc":"2.0","id":%d,"result":%b}\n' % (request_id, result)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (encode_json(request_id), result)


def error_bytes(request_id: RequestId | None, code: int, message: str, data: object = None) -> bytes:
    """A response line that carries an error."""
    error: dict[str, object] = {"code": int(code), "message": message}
    if data is not None:
        error["data"] = data
    return encode_json({"jsonrpc": "2.0", "id": request_id, "error": error}) + b"\n"

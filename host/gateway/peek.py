"""A glance at a request that has to wait: what it asks for, how large it is and how long it has, without reading it.

Reading builds every value and checks each; a glance skips them, in a tenth of the time. What is not seen at a glance is
not turned away: it is read when its turn comes, and whatever is wrong with it is said then.
"""

from __future__ import annotations

import math

import msgspec

OPTIMIZE = "engine.optimize"


class _Data(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    jobs: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct, rename="camel"):
    deadline_ms: float | None = None


class _Request(msgspec.Struct, rename="camel"):
    data: _Data
    id: str = ""
    deadline_ms: float | None = None
    meta: _Meta | None = msgspec.field(default=None, name="_meta")


class _Call(msgspec.Struct):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | int | float | msgspec.UnsetType | None = msgspec.UNSET


class Glance(msgspec.Struct, frozen=True):
    """An optimize request.

    Fields:
        entries: Items or jobs that it has.
        deadline_s: From its arrival; infinite where it names none.
        request_id: Of the request; empty where it has none, and is none.
        id: Of the call; unset for a notification, and on REST.
    """

    entries: int
    deadline_s: float
    request_id: str
    id: str | int | float | msgspec.UnsetType | None = msgspec.UNSET


_call = msgspec.json.Decoder(_Call).decode
_request = msgspec.json.Decoder(_Request).decode


def glance(body: bytes, *, is_call: bool) -> Glance | None:
    """What *body* asks the engine for; `None` where it is something else, or nothing that can be told at a glance.

    Args:
        is_call: It is a JSON-RPC call, not the bare request of REST.
    """
    try:
        call = _call(body) if is_call else None
        if call is not None and call.method != OPTIMIZE:
            return None
        request = _request(call.params if call is not None else body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    given = [request.deadline_ms, request.meta.deadline_ms if request.meta is not None else None]
    return Glance(
        max(len(request.data.items or ()), len(request.data.jobs or ())),
        min((each / 1000.0 for each in given if each is not None), default=math.inf),
        request.id,
        call.id if call is not None else msgspec.UNSET,
    )

"""The request itself: who asks what kind of question, under which constraints, by when."""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import msgspec

from plugin_sdk.contract.decode import ProblemError, problem_from
from plugin_sdk.contract.messages import Meta
from plugin_sdk.contract.workload import REQUEST_TYPES

Strategy = Literal["priority", "best", "ensemble"]

ID_LIMIT = 256  # characters; an id is echoed into answers, logs and the history


class OptimizeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`engine.optimize`, as the caller sends it; `data` is parsed by the problem's own module.

    Fields:
        deadline_ms: Milliseconds from its arrival until the caller stops waiting, > 0.
        built_ins: Names of the host's solvers that are asked besides the usual ones; under `priority` before them.
    """

    id: str
    type: str
    data: dict[str, Any]
    constraints: dict[str, Any] | None = None
    strategy: Strategy | None = None
    deadline_ms: float | None = None
    built_ins: list[str] | None = None
    meta: Meta | None = msgspec.field(default=None, name="_meta")


MEMBERS = frozenset(OptimizeRequest.__struct_encode_fields__)


def parse_request(value: object) -> OptimizeRequest:
    """The request in *value* (plain JSON objects).

    Raises:
        ProblemError: Something in it cannot be used; says which member, its value and what would be right.
    """
    if not isinstance(value, dict):
        raise ProblemError("", value, "an object with the members id, type and data")
    if not value.keys() <= MEMBERS:
        name = next(name for name in value if name not in MEMBERS)
        raise ProblemError(str(name), value[name], unknown_member(str(name), MEMBERS))
    try:
        request = msgspec.convert(value, OptimizeRequest)
    except msgspec.ValidationError as error:
        if "strategy" in value and "`$.strategy`" in str(error):
            raise ProblemError("strategy", value["strategy"], "priority, best or ensemble") from error
        raise problem_from(error, value, "", OptimizeRequest) from error
    if not 0 < len(request.id) <= ID_LIMIT:
        raise ProblemError("id", request.id, f"a text of 1 to {ID_LIMIT} characters")
    if request.type not in REQUEST_TYPES:
        raise ProblemError("type", request.type, unknown_member(request.type, REQUEST_TYPES, "one of"))
    limit = request.deadline_ms
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        raise ProblemError("deadlineMs", limit, "a number of milliseconds above 0, or leave it out")
    return request


def unknown_member(name: str, known: object, lead: str = "only the members") -> str:
    """The remedy for a name that is not known: all that are, the nearest first when one is near."""
    import difflib  # only on the way to an error

    names = sorted(cast("set[str]", known))
    # A name may be megabytes long, and to compare it takes as long as it is.
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(name) < 100 else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{lead} {', '.join(names)}{hint}"

"""The parameters of every method, typed, and how they are read. REST reads its queries into the same structs."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

import msgspec

from host.gateway.api import Selection, TrainingWish
from host.gateway.context import CallMeta, Policy
from plugin_sdk.contract.decode import ProblemError, problem_from
from plugin_sdk.contract.problems.request import unknown_member
from plugin_sdk.contract.workload import WorkloadDataPoint

P = TypeVar("P", bound="Params")
Limit = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Priority = Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)]
Queue = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
MANY = 100_000  # entries of one call; the body's own limit is met earlier by all but the smallest


class Params(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """None but `_meta`, which every method takes: deadline, trace and idempotency key."""

    meta: CallMeta | None = msgspec.field(default=None, name="_meta")


class NameParams(Params):
    """`{name}`: a plugin."""

    name: str


class ConfigureParams(Params):
    """`{name, priority?, enabled?, config?, limits?}`: the operator's word on a plugin; what is left out stays.

    Fields:
        priority: `null` takes it back to the manifest's, as does a `null` in the two tables.
    """

    name: str
    priority: Priority | msgspec.UnsetType | None = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    limits: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if not self.given():
            raise ProblemError(
                "params", {"name": self.name}, "priority, enabled, config or limits, at least one"
            )

    def given(self) -> dict[str, Any]:
        """What is to be changed."""
        all_ = {name: getattr(self, name) for name in ("priority", "enabled", "config", "limits")}
        return {name: value for name, value in all_.items() if value is not msgspec.UNSET}


class RollbackParams(Params):
    """`{name, version?}`: a plugin, and which of its saved states it is to go on from."""

    name: str
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None


class PredictParams(Params):
    """`{name, input, deadlineMs?}`: one input for one plugin's `predict`."""

    name: str
    input: Any
    deadline_ms: float | None = None


class PredictManyParams(Params):
    """`{name, inputs, deadlineMs?}`: many inputs for one plugin, answered together."""

    name: str
    inputs: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MANY)]
    deadline_ms: float | None = None


class OptimizeManyParams(Params):
    """`{requests, deadlineMs?}`: many requests, answered together; the deadline is for those that name none."""

    requests: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MANY)]
    deadline_ms: float | None = None


class SubscribeParams(Params):
    """`{topics, resumeFrom?, policy?, queue?}`: which events, from which number on, and what happens to a slow reader.

    Fields:
        resume_from: The number of the last event that was seen; those after it come first, as far as they are kept.
        policy: With a full queue, `latest` keeps the newest event of each kind, `dropOldest` drops from the
            front, `close` ends the subscription.
        queue: Events that may wait.
    """

    topics: Annotated[list[str], msgspec.Meta(min_length=1, max_length=16)]
    resume_from: Annotated[int, msgspec.Meta(ge=0)] | None = None
    policy: Policy = "dropOldest"
    queue: Queue = 1000


class EventsQuery(Params):
    """`?topics=&policy=&queue=`: as `SubscribeParams`, with the topics in one text, separated by commas."""

    topics: str = "plugins"
    resume_from: Annotated[int, msgspec.Meta(ge=0)] | None = None
    policy: Policy = "dropOldest"
    queue: Queue = 1000


class UnsubscribeParams(Params):
    """`{subscription?}`: one subscription of this connection, or all."""

    subscription: str | None = None


class LogsParams(Params):
    """`{name, limit?}`: the last *limit* lines of a plugin's log."""

    name: str
    limit: Limit = 100


class AuditParams(Params):
    """`{limit?}`: the latest changes."""

    limit: Limit = 100


class RecordParams(Params):
    """`{points}`: what happened, as it comes."""

    points: list[WorkloadDataPoint]

    def __post_init__(self) -> None:
        # Types are msgspec's to check; these are the rules beyond them.
        for at, point in enumerate(self.points):
            if not point.request_type:
                raise ProblemError(f"points[{at}].requestType", "", "a request type such as 'scheduling'")
            if point.duration < 0:
                raise ProblemError(f"points[{at}].duration", point.duration, "milliseconds, 0 or more")


class SelectParams(Params):
    """`{type?, start?, end?, limit?, plugin?, cursor?}`: which points of the history."""

    type: str | None = None
    start: float | None = None
    end: float | None = None
    limit: Limit | None = None
    plugin: str | None = None
    cursor: str | None = None

    def selection(self) -> Selection:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ProblemError("start", self.start, f"a time not after end, which is {self.end}")
        before = read_cursor(self.cursor) if self.cursor is not None else None
        return Selection(self.type, self.start, self.end, self.limit, self.plugin, before)


class TrainingParams(SelectParams):
    """`SelectParams`, and `{target?, test?, features?}`: how the table is to be.

    Fields:
        features: Names, separated by commas.
    """

    target: str | None = None
    test: float = 0.2
    features: str | None = None

    def wish(self) -> TrainingWish:
        names = tuple(self.features.split(",")) if self.features is not None else None
        return TrainingWish(self.target, self.test, names)


def read_cursor(text: str) -> int:
    """Where a page ends, out of the cursor that the page after it came with.

    Raises:
        ProblemError: It is no cursor.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ProblemError("cursor", text, "the cursor of an earlier answer, as it was")
    return int(text)


def read_params(kind: type[P], params: object) -> P:
    """*params* as *kind*.

    Raises:
        ProblemError: A member is unknown, missing or of the wrong type; says which.
    """
    if isinstance(params, list):
        raise ProblemError("params", params, "parameters by name, as an object")
    assert isinstance(params, dict)
    return _convert(kind, params, strict=True)


def read_query(kind: type[P], query: list[tuple[str, str]]) -> P:
    """A URL's query as *kind*; numbers are read from their text.

    Raises:
        ProblemError: A name is unknown or given twice, or its value is no value for it; says which.
    """
    given: dict[str, Any] = {}
    for name, value in query:
        if name in given:
            raise ProblemError(name, value, "it once")
        given[name] = value
    read = _convert(kind, given, strict=False)
    for name in read.__struct_fields__:
        value = getattr(read, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ProblemError(name, given[name], "a finite number")
    if "_meta" in given:
        raise ProblemError("_meta", given["_meta"], "it in the body of a JSON-RPC call, or as headers")
    return read


def _convert(kind: type[P], given: dict[str, Any], *, strict: bool) -> P:
    known = set(kind.__struct_encode_fields__)
    named = known - {"_meta"}
    for name in given:
        if name not in known:
            remedy = unknown_member(name, named) if named else "no parameters"
            raise ProblemError(name, given[name], remedy)
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ProblemError):  # raised by __post_init__
            raise error.__cause__ from None
        raise problem_from(error, given, "", kind) from error

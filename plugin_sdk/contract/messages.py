"""What host and plugin say to each other, protocol version 1: parameters and results of every method.

docs/reference/protocol.md is normative; these structs are its Python form. Members that a reader does
not know are ignored, so that either side may be newer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from plugin_sdk.contract.workload import WorkloadDataPoint

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1


class Meta(msgspec.Struct, rename="camel", omit_defaults=True):
    """`params._meta`: what travels with a call beside its parameters.

    Fields:
        deadline_ms: Milliseconds left when the message was sent; relative, so no clock is shared.
        traceparent: W3C trace context.
        progress_token: Names the call in `$/progress` notifications.
    """

    deadline_ms: float | None = None
    traceparent: str | None = None
    progress_token: str | int | None = None


class Peer(msgspec.Struct, rename="camel"):
    """Who is speaking."""

    name: str
    version: str


class ProtocolRange(msgspec.Struct, rename="camel"):
    """The protocol versions a side speaks, both ends included."""

    min: int = PROTOCOL_MIN
    max: int = PROTOCOL_MAX


class WireLimits(msgspec.Struct, rename="camel"):
    """What the host will hold the plugin to, told to it so that it can hold itself to it."""

    frame_bytes: int = 8 * 1024 * 1024
    in_flight: int = 4
    memory_bytes: int = 512 * 1024 * 1024
    call_timeout_ms: float = 1000.0
    state_bytes: int = 4 * 1024 * 1024


class SavedState(msgspec.Struct, rename="camel"):
    """What an earlier process of this plugin saved: the bytes of its answer to `save`, as they were.

    Fields:
        data: On the wire, base64 (RFC 4648).
        seq: It knows the points of history up to this sequence number.
        version: Counts the states of this plugin.
    """

    data: bytes
    format: str
    seq: int
    version: int


class InitializeParams(msgspec.Struct, rename="camel"):
    """`initialize`: the first message, before any data is sent.

    Fields:
        instance: Unique to this process of the plugin; `epoch` counts its starts, from 1.
        config: The manifest's `[config]` with the operator's settings laid over it, key by key.
        seed: For the plugin's random numbers, so that a run can be repeated.
        state: What it saved, where the host has something that fits this version and configuration of it.
        shared: A folder, as the plugin sees it, where the host puts columns in files; it is read-only.
    """

    protocol: ProtocolRange
    host: Peer
    plugin: Peer
    instance: str
    epoch: int
    handles: list[str]
    config: dict[str, Any]
    limits: WireLimits
    seed: int = 0
    state: SavedState | UnsetType = UNSET
    shared: str | UnsetType = UNSET


class Capability(msgspec.Struct, rename="camel", omit_defaults=True):
    """How a plugin takes one method. All members are optional.

    Fields:
        history: For `optimize`: it wants recent history sent to it (by `learn`).
        min_points: For `train`: the fewest points worth training on.
        batch: For `predict`: it takes `inputs`, many at once, too.
        columns: For `train` and `learn`: it takes columns in a file instead of points.
        candidate: For `train`: it can keep what was learnt aside, for `backtest` and `adopt`.
    """

    history: bool = False
    min_points: int = 10
    batch: bool = False
    candidate: bool = False
    columns: bool = False


class StateReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """What became of the state that came with `initialize`.

    Fields:
        restored: Whether the plugin goes on from it.
        resume: Whether `learn` may go on after the state's `seq`; else it begins anew, with `reset`.
        reason: Why it does not.
    """

    restored: bool
    resume: bool = False
    reason: str | None = None


class InitializeResult(msgspec.Struct, rename="camel", omit_defaults=True):
    """The plugin's answer to `initialize`: which protocol it chose and what it can be asked."""

    protocol: int
    plugin: Peer
    capabilities: dict[str, Capability] = {}
    handles: list[str] | None = None
    model_id: str | None = None
    sdk: str | None = None
    state: StateReply | None = None


class PredictParams(msgspec.Struct, rename="camel"):
    """`predict`: one input, e.g. a job known only by what was asked of it."""

    input: Any


class Prediction(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `predict`.

    Fields:
        prediction: Any JSON value; a number, or an object of named numbers.
        confidence: The plugin's own, in [0, 1]; a feature to the host, never trusted as a probability.
        quantiles: Level (as text, e.g. "0.9") to value, same unit as `prediction`.
    """

    prediction: Any
    confidence: float | None = None
    model_id: str | None = None
    metadata: dict[str, Any] | None = None
    quantiles: dict[str, float] | None = None


class PredictManyParams(msgspec.Struct, rename="camel"):
    """`predict` with many inputs at once, for a plugin that declares `batch`."""

    inputs: list[Any]


class PredictionEntry(msgspec.Struct, rename="camel", omit_defaults=True):
    """What came of one of many inputs: a prediction, or `abstained`, or `failed` with the reason."""

    prediction: Any = msgspec.UNSET
    confidence: float | None = None
    model_id: str | None = None
    metadata: dict[str, Any] | None = None
    quantiles: dict[str, float] | None = None
    abstained: bool = False
    reason: str | None = None
    failed: str | None = None


class ManyPredictions(msgspec.Struct, rename="camel"):
    """The answer to `predict` with `inputs`: one entry an input, in their order."""

    predictions: list[PredictionEntry]


class ScoreParams(msgspec.Struct, rename="camel"):
    """`score`: how good is each candidate for the task; nodes for a task, or jobs in a queue."""

    type: str
    task: Any
    candidates: list[Any]


class Scores(msgspec.Struct, rename="camel"):
    """The answer to `score`: one finite number a candidate, in their order; higher is better."""

    scores: list[float]


class OptimizeParams(msgspec.Struct, rename="camel", omit_defaults=True):
    """`optimize`: the whole problem, as the caller sent it."""

    type: str
    data: Any
    request_id: str | None = None
    constraints: dict[str, Any] | None = None


class OptimizeReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `optimize`: `result` has the shape contracted for the problem."""

    result: Any
    confidence: float | None = None
    model_id: str | None = None
    metadata: dict[str, Any] | None = None


class ColumnsRef(msgspec.Struct, rename="camel"):
    """A block of columns (docs/reference/columns.md) in a file of the folder `shared`.

    Fields:
        name: The file's.
        length, crc32: Of all of it, bytes.
        count: Points in it.
    """

    name: str
    length: int
    crc32: int
    count: int


class TrainParams(msgspec.Struct, rename="camel", omit_defaults=True):
    """`train`: learn anew from these points, oldest first.

    Fields:
        columns: The points, where the plugin takes columns; `points` is then empty.
        candidate: What is learnt is kept aside until `adopt`; the model that serves goes on serving.
    """

    points: list[WorkloadDataPoint] = []
    candidate: bool = False
    columns: ColumnsRef | UnsetType = UNSET


class TrainReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `train`; `trained` false with a reason when there was too little to learn from.

    Fields:
        in_use: A candidate was asked for, but what was learnt serves already: there is no other way here.
    """

    trained: bool
    size: int = 0
    reason: str | None = None
    metrics: dict[str, float] | None = None
    in_use: bool = False


class BacktestParams(msgspec.Struct, rename="camel"):
    """`backtest`: predict each of these inputs with the model that serves and with the candidate."""

    inputs: list[Any]


class BacktestReply(msgspec.Struct, rename="camel"):
    """The answer to `backtest`: a prediction an input, in their order; `None` where there was none."""

    serving: list[Any]
    candidate: list[Any]


class AdoptParams(msgspec.Struct, rename="camel"):
    """`adopt`: take the candidate into use, or throw it away."""

    accept: bool


class AdoptReply(msgspec.Struct, rename="camel"):
    """The answer to `adopt`: whether the candidate serves now."""

    adopted: bool


class SaveReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `save`: what the plugin knows, as opaque bytes; or why there are none.

    Fields:
        data: On the wire, base64.
        format: The plugin's own word for how they are to be read.
    """

    data: bytes | None = None
    format: str | None = None
    reason: str | None = None


class LearnParams(msgspec.Struct, rename="camel", omit_defaults=True):
    """`learn`: new outcomes as they come, oldest first; with `reset` they replace what was sent before.

    Fields:
        columns: The points, where the plugin takes columns and there are many; `points` is then empty.
        seq: Sequence number of the last of all points up to here.
        missed: Points before these that are history no more, so that they cannot be sent.
    """

    points: list[WorkloadDataPoint] = []
    reset: bool = False
    seq: int = 0
    missed: int = 0
    columns: ColumnsRef | UnsetType = UNSET


class LearnReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `learn`.

    Fields:
        credit: Points that the plugin is ready to take in the next call; 0: none for now.
    """

    accepted: int
    credit: int | None = None


def _always() -> bool:
    return True


class Abstained(msgspec.Struct, rename="camel", omit_defaults=True):
    """ "No" as an answer, to `predict`, `score` or `optimize`. The host asks somebody else."""

    reason: str | None = None
    # By a factory, because a plain default would be omitted: this member is what tells it from other answers.
    abstained: bool = msgspec.field(default_factory=_always)


class LogParams(msgspec.Struct, rename="camel"):
    """`log` notification: one line for the plugin's log."""

    message: str
    level: str = "info"


class CancelParams(msgspec.Struct, rename="camel"):
    """`$/cancelRequest` notification: the answer to this request is no longer wanted (answer it all the same)."""

    id: int | str


class ProgressParams(msgspec.Struct, rename="camel", omit_defaults=True):
    """`$/progress` notification."""

    token: str | int
    fraction: float | None = None
    message: str | None = None


HOST_METHODS = (
    "initialize",
    "ping",
    "train",
    "backtest",
    "adopt",
    "save",
    "learn",
    "predict",
    "score",
    "optimize",
    "describe",
    "shutdown",
)
"""What the host may call. A plugin answers -32601 to any other."""

"""What host and plugin say to each other, protocol version 1: parameters and results of every method.

docs/reference/protocol.md is normative; these structs are its Python form. Members that a reader does
not know are ignored, so that either side may be newer.
"""

from __future__ import annotations

from typing import Any

import msgspec

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


class InitializeParams(msgspec.Struct, rename="camel"):
    """`initialize`: the first message, before any data is sent.

    Fields:
        instance: Unique to this process of the plugin; `epoch` counts its starts, from 1.
        config: The manifest's `[config]` with the operator's settings laid over it, key by key.
        seed: For the plugin's random numbers, so that a run can be repeated.
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


class Capability(msgspec.Struct, rename="camel", omit_defaults=True):
    """How a plugin takes one method. All members are optional.

    Fields:
        history: For `optimize`: it wants recent history sent to it (by `learn`).
        min_points: For `train`: the fewest points worth training on.
        batch: For `predict`: it takes `inputs`, many at once, too.
    """

    history: bool = False
    min_points: int = 10
    batch: bool = False


class InitializeResult(msgspec.Struct, rename="camel", omit_defaults=True):
    """The plugin's answer to `initialize`: which protocol it chose and what it can be asked."""

    protocol: int
    plugin: Peer
    capabilities: dict[str, Capability] = {}
    handles: list[str] | None = None
    model_id: str | None = None
    sdk: str | None = None


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


class TrainParams(msgspec.Struct, rename="camel"):
    """`train`: learn anew from these points, oldest first."""

    points: list[WorkloadDataPoint]


class TrainReply(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to `train`; `trained` false with a reason when there was too little to learn from."""

    trained: bool
    size: int = 0
    reason: str | None = None
    metrics: dict[str, float] | None = None


class LearnParams(msgspec.Struct, rename="camel", omit_defaults=True):
    """`learn`: new outcomes as they come, oldest first; with `reset` they replace what was sent before."""

    points: list[WorkloadDataPoint]
    reset: bool = False


class LearnReply(msgspec.Struct, rename="camel"):
    """The answer to `learn`."""

    accepted: int


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
    "learn",
    "predict",
    "score",
    "optimize",
    "describe",
    "shutdown",
)
"""What the host may call. A plugin answers -32601 to any other."""

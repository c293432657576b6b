"""What methods and routes answer, as types: the documents for machines are made from them.

What already has a type elsewhere (an `Answer`, a plugin's view, a point) is not repeated here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from host.gateway.access.audit import Change
from host.registry.learning import KeptState
from host.registry.view import PluginView
from plugin_sdk.contract.workload import WorkloadDataPoint


class Result(msgspec.Struct, rename="camel", omit_defaults=True):
    """Base of the results."""


class ErrorObject(Result):
    """What became of one entry of many, where it failed: as in a JSON-RPC error object."""

    code: int
    message: str
    data: dict[str, Any] = {}


class ManyAnswers(Result):
    """One entry a request, in their order: its answer, or `{error}`."""

    answers: list[Any]


class RefusedFolder(Result):
    """A folder of the plugins directory that is no plugin, and why."""

    folder: str
    why: str


class PluginList(Result):
    """Every plugin, highest priority first."""

    plugins: list[PluginView]
    count: int
    refused: list[RefusedFolder]


class Changed(Result):
    """The seed's answer to a change of a plugin."""

    message: str
    name: str


class States(Result):
    """What is kept of what a plugin saved, the newest first."""

    name: str
    states: list[KeptState]


class RolledBack(Result):
    """Which of its saved states a plugin went back to."""

    message: str
    name: str
    version: int


class Logs(Result):
    """Lines of a plugin's log, oldest first. Untrusted text."""

    name: str
    lines: list[str]


class Predicted(Result):
    """One prediction of one plugin."""

    prediction: Any
    confidence: float | None
    model_id: str | None
    metadata: dict[str, Any]


class ManyPredicted(Result):
    """One entry an input, in their order: a prediction, or `{error}`."""

    predictions: list[Any]


class Trained(Result):
    """What came of one training."""

    name: str
    trained: bool
    reason: str | None = None
    metrics: dict[str, float] | None = None


class Recorded(Result):
    """How many points were taken, now or by the call that this one repeats."""

    recorded: int


class Queried(Result):
    """A page of points, oldest first; `cursor` fetches the next page, where there is one."""

    points: list[WorkloadDataPoint]
    cursor: str | None = None


class Exported(Result):
    """The seed's export."""

    data: list[WorkloadDataPoint]
    count: int


class TypeStats(msgspec.Struct, rename="camel"):
    """Of one type, with the quantiles `p50`, `p95` and `p99` of its durations and of its usage by name."""

    count: int
    success_rate: float
    avg_duration: float
    duration: dict[str, float] = {}
    usage: dict[str, dict[str, float]] = {}


class Stats(msgspec.Struct, rename="camel"):
    """The seed's statistics; durations in milliseconds, rates in [0, 1]."""

    total_requests: int
    success_rate: float
    avg_duration: float
    by_type: dict[str, TypeStats]


class TrainingMetadata(msgspec.Struct, rename="camel"):
    """What the columns are; with a target, what their codes mean and how train and test were split."""

    feature_names: list[str]
    size: int
    target: str | None = None
    categories: dict[str, list[str]] = {}
    split: dict[str, Any] = {}


class TrainingFormat(msgspec.Struct, rename="camel"):
    """Rows for a model; `test` only with a target."""

    features: list[list[Any]]
    labels: list[Any]
    metadata: TrainingMetadata
    test: dict[str, list[Any]] = {}


class Audit(Result):
    """Changes, oldest first."""

    changes: list[Change]


class Health(msgspec.Struct, rename="camel"):
    """How the host stands."""

    status: str
    version: str
    uptime_ms: float
    plugins: dict[str, int]
    refused_folders: int
    history: dict[str, Any]
    reasons: list[str]


class Subscribed(Result):
    """A subscription, and the number of the newest event when it began."""

    subscription: str
    topics: list[str]
    seq: int
    missed: int = 0


class Unsubscribed(Result):
    """How many subscriptions were ended."""

    ended: int


class PluginDocument(Result):
    """The seed's body for one plugin, and ours beside it."""

    metadata: dict[str, Any]
    config: dict[str, Any]
    status: dict[str, Any]


class Problem(Result):
    """An error on REST (RFC 9457), with the members of the JSON-RPC errors."""

    type: str
    title: str
    status: int
    detail: str
    error: str
    code: int | None = None
    kind: str | None = None
    path: str | None = None
    value: Any = None
    hint: str | None = None
    name: str | None = None


class CacheStats(msgspec.Struct, rename="camel"):
    """Of the cache of answers."""

    enabled: bool
    hits: int
    misses: int
    size: int
    evictions: int
    hit_rate: float


class Metrics(msgspec.Struct, rename="camel"):
    """The seed's figures, then ours."""

    total_requests: int
    average_duration_ms: float
    cache_hit_rate: float
    requests_by_type: dict[str, int]
    p50_duration_ms: float
    p95_duration_ms: float
    p99_duration_ms: float
    uptime_ms: float
    requests: dict[str, float]
    plugins: list[dict[str, Any]]
    workload: Stats


class Root(Result):
    """What this is, and where its parts are."""

    name: str
    version: str
    endpoints: list[str]


class Alive(Result):
    """The event loop turns."""

    status: str


class Ready(Result):
    """Whether requests can be answered, and if not, why not."""

    status: str
    reasons: list[str]

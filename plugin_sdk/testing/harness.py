"""A plugin in process: what it is asked and answers goes through the encoding that a host would see."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from plugin_sdk.context import Call
from plugin_sdk.contract.messages import (
    Abstained,
    InitializeParams,
    InitializeResult,
    LearnParams,
    LearnReply,
    OptimizeParams,
    OptimizeReply,
    Peer,
    Prediction,
    PredictParams,
    ProtocolRange,
    ScoreParams,
    Scores,
    TrainParams,
    TrainReply,
    WireLimits,
)
from plugin_sdk.contract.workload import REQUEST_TYPES, WorkloadDataPoint
from plugin_sdk.entry import Entry
from plugin_sdk.handlers import Handlers
from plugin_sdk.runner.seeding import seed_random

ReplyT = TypeVar("ReplyT")


class PluginHarness:
    """Asks a plugin as the host would, without a process.

    What the author's code raises comes out as it is, and what the SDK would answer with an error comes out as a
    `plugin_sdk.failures.HandlerError`. Training happens before `train` returns, on a copy as in the runner:
    look at `plugin` for the object that serves.
    """

    def __init__(
        self,
        plugin: Any,
        *,
        config: Mapping[str, Any] | None = None,
        handles: Sequence[str] = REQUEST_TYPES,
        name: str = "plugin-under-test",
        seed: int = 0,
    ) -> None:
        """Args:
        plugin: What a manifest's `entry` would name: a class, a factory or an instance.
        config: The manifest's `[config]`.
        handles: The manifest's `handles`.
        """
        self._entry = Entry(plugin, getattr(plugin, "__qualname__", type(plugin).__qualname__))
        self._params = InitializeParams(
            protocol=ProtocolRange(),
            host=Peer("plugin_sdk.testing", "1"),
            plugin=Peer(name, "0.0.0"),
            instance="in-process",
            epoch=1,
            handles=list(handles),
            config=dict(config or {}),
            limits=WireLimits(),
            seed=seed,
        )
        self._handlers: Handlers | None = None
        self._calls = 0

    @property
    def plugin(self) -> Any:
        """The object that serves now; after a training it is another one."""
        return self._ready().target

    def initialize(self) -> InitializeResult:
        """Makes the object anew, and gives what it declares."""
        seed_random(self._params.seed)
        self._handlers = Handlers(self._entry, self._params)
        return _read(msgspec.json.encode(self._handlers.initialized()), InitializeResult)

    def predict(self, input: Any, *, deadline_ms: float | None = None) -> Prediction | Abstained:
        """`predict`."""
        return self._ask("predict", PredictParams(input), Prediction, deadline_ms)

    def score(self, task: Any, candidates: Sequence[Any], *, type: str = "scheduling") -> Scores | Abstained:
        """`score`."""
        return self._ask("score", ScoreParams(type, task, list(candidates)), Scores, None)

    def optimize(
        self, request: Mapping[str, Any], history: Iterable[WorkloadDataPoint] | None = None
    ) -> OptimizeReply | Abstained:
        """`optimize`.

        Args:
            request: `{type, data, constraints?, requestId?}`.
            history: Replaces what `learn` brought so far; `None` leaves it.
        """
        if history is not None and self.declares("learn"):
            self.learn(history, reset=True)
        return self._ask("optimize", msgspec.convert(dict(request), OptimizeParams), OptimizeReply, None)

    def train(self, points: Iterable[WorkloadDataPoint]) -> TrainReply:
        """`train`."""
        return _read(self._answer("train", TrainParams(list(points)), None), TrainReply)

    def learn(self, points: Iterable[WorkloadDataPoint], *, reset: bool = False) -> LearnReply:
        """`learn`."""
        return _read(self._answer("learn", LearnParams(list(points), reset), None), LearnReply)

    def describe(self) -> dict[str, Any]:
        """`describe`."""
        return _read(self._answer("describe", {}, None), dict[str, Any])

    def shutdown(self) -> None:
        """`shutdown`."""
        self._ready().shutdown()

    def declares(self, method: str) -> bool:
        """Whether the plugin said at `initialize` that it has this method."""
        return method in self._ready().initialized().capabilities

    def _ask(
        self, method: str, params: Any, reply: type[ReplyT], deadline_ms: float | None
    ) -> ReplyT | Abstained:
        answer = self._answer(method, params, deadline_ms)
        plain = msgspec.json.decode(answer)
        if isinstance(plain, dict) and plain.get("abstained") is True:
            return _read(answer, Abstained)
        return _read(answer, reply)

    def _answer(self, method: str, params: Any, deadline_ms: float | None) -> bytes:
        self._calls += 1
        members = msgspec.to_builtins(params)
        if deadline_ms is not None:
            members["_meta"] = {"deadlineMs": deadline_ms}
        call = Call(self._calls, method, msgspec.json.encode(members), time.monotonic())
        return self._ready().answer(call)

    def _ready(self) -> Handlers:
        if self._handlers is None:
            self.initialize()
        assert self._handlers is not None
        return self._handlers


def _read(answer: bytes, reply: type[ReplyT]) -> ReplyT:
    return msgspec.json.decode(answer, type=reply)

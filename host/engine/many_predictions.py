"""Many inputs to one plugin's `predict`, in as few messages as serve it well.

A plugin that declares `batch` is sent chunks of inputs, two at a time, so that it has the next one while the last
is read. A chunk grows while it is answered quickly and shrinks when it is not: other callers get their turn in
between, and no chunk comes near the plugin's `call_timeout`. A plugin that does not is called once an input.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from host.clock import Clock
from host.engine.checks.prediction import DEPTH_LIMIT
from host.errors import BadResultError, CallLateError, PluginError
from host.registry.askable import Askable
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.messages import (
    Abstained,
    ManyPredictions,
    Prediction,
    PredictionEntry,
    PredictManyParams,
    PredictParams,
)

Outcome = Prediction | Abstained | PluginError

FIRST_CHUNK = 64
LARGEST_CHUNK = 2048
QUICK_S = 0.02  # a chunk that is answered within this is followed by one twice as large
SLOW_S = 0.1  # one that takes longer, by one half as large
CHUNK_BYTES = 1 << 20  # of encoded inputs; a frame has 8 MiB at most
IN_FLIGHT_CHUNKS = 2
IN_FLIGHT_SINGLES = 4  # as many calls as a plugin has open at once

_encode = msgspec.json.Encoder().encode
_decode_many = msgspec.json.Decoder(ManyPredictions).decode
_decode_one = msgspec.json.Decoder(PredictionEntry).decode


async def predict_one(plugin: Askable, value: Any, deadline: float) -> Prediction | Abstained:
    """One plugin's prediction for one input.

    Raises:
        PluginError: It gave none that can be used.
        ValueError, OverflowError, RecursionError: The input is something that JSON cannot say again.
    """
    params = _encode(PredictParams(value))
    return _one(plugin, await plugin.call("predict", params, deadline=deadline))


async def predict_many(
    plugin: Askable, inputs: Sequence[Any], deadline: float, clock: Clock
) -> list[Outcome]:
    """One outcome an input, in their order; those that there was no time for are late."""
    job = _Job(plugin, inputs, deadline, clock)
    batch = plugin.capabilities["predict"].batch
    workers = min(IN_FLIGHT_CHUNKS if batch else IN_FLIGHT_SINGLES, len(inputs))
    work = job.chunks if batch else job.singles
    await asyncio.gather(*(work() for _ in range(workers)))
    return job.outcomes()


@dataclass
class _Job:
    """The inputs, how far they are sent, and what came back."""

    plugin: Askable
    inputs: Sequence[Any]
    deadline: float
    clock: Clock

    def __post_init__(self) -> None:
        self._found: list[Outcome | None] = [None] * len(self.inputs)
        self._next = 0
        self._size = FIRST_CHUNK
        self._over: PluginError | None = None

    def outcomes(self) -> list[Outcome]:
        rest = self._over or CallLateError(self.plugin.name, "the deadline passed before it could be asked")
        return [rest if each is None else each for each in self._found]

    async def singles(self) -> None:
        while (at := self._take(1)) is not None:
            try:
                self._found[at.start] = await predict_one(self.plugin, self.inputs[at.start], self.deadline)
            except PluginError as error:
                self._failed(at, error)

    async def chunks(self) -> None:
        while (at := self._take(self._size)) is not None:
            inputs = self.inputs[at.start : at.stop]
            params = _encode(PredictManyParams(list(inputs)))
            if len(params) > CHUNK_BYTES and len(inputs) > 1:
                # Inputs this long are sent in smaller chunks; those beyond the first half are taken again.
                self._size = max(1, len(inputs) * CHUNK_BYTES // (2 * len(params)))
                at = range(at.start, at.start + self._size)
                self._next = at.stop
                params = _encode(PredictManyParams(list(self.inputs[at.start : at.stop])))
            began = self.clock.now()
            try:
                raw = await self.plugin.call("predict", params, deadline=self.deadline)
                self._found[at.start : at.stop] = _many(self.plugin, raw, len(at))
            except PluginError as error:
                self._failed(at, error)
            took = self.clock.now() - began
            if took < QUICK_S:
                self._size = min(max(self._size, 2 * len(at)), LARGEST_CHUNK)
            elif took > SLOW_S:
                self._size = max(1, len(at) // 2)

    def _take(self, count: int) -> range | None:
        """The next inputs to send; `None` when there are no more, or no time or plugin for them."""
        if self._over is not None or self._next >= len(self.inputs) or self.clock.now() >= self.deadline:
            return None
        at = range(self._next, min(self._next + count, len(self.inputs)))
        self._next = at.stop
        return at

    def _failed(self, at: range, error: PluginError) -> None:
        self._found[at.start : at.stop] = [error] * len(at)
        if error.retryable and not isinstance(error, CallLateError):
            self._over = error  # it is gone or busy, and would be for the rest as well


def _one(plugin: Askable, raw: msgspec.Raw) -> Prediction | Abstained:
    try:
        found = _entry(plugin, _decode_one(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadResultError(plugin.name, "its answer to predict is no prediction") from error
    if isinstance(found, PluginError):
        raise found
    return found


def _many(plugin: Askable, raw: msgspec.Raw, count: int) -> list[Outcome]:
    try:
        said = _decode_many(raw).predictions
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadResultError(plugin.name, "its answer to predict has no list of predictions") from error
    if len(said) != count:
        raise BadResultError(plugin.name, f"it gave {len(said)} predictions for {count} inputs")
    return [_entry(plugin, each) for each in said]


def _entry(plugin: Askable, said: PredictionEntry) -> Outcome:
    try:
        if said.abstained:
            return Abstained(said.reason)
        if said.failed is not None:
            return PluginError(plugin.name, show(said.failed))
        if said.prediction is msgspec.UNSET:
            return BadResultError(plugin.name, "an entry of its answer has no prediction")
        return _checked(
            plugin,
            Prediction(said.prediction, said.confidence, said.model_id, said.metadata, said.quantiles),
        )
    except BadResultError as error:
        return error


def _checked(plugin: Askable, found: Prediction) -> Prediction:
    """The prediction, its confidence brought into [0, 1]; JSON that was read has finite numbers only."""
    if found.confidence is not None:
        found.confidence = min(max(found.confidence, 0.0), 1.0)
    if type(found.prediction) in (dict, list) and _depth(found.prediction) > DEPTH_LIMIT:
        raise BadResultError(plugin.name, f"its prediction is nested deeper than {DEPTH_LIMIT} levels")
    return found


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= DEPTH_LIMIT:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return depth

"""Plays a case with a plugin: each question goes over the registry as in production, and its cost is counted."""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec

from host.errors import CallLateError, PluginError
from host.registry.askable import Askable
from host.simulator.outcome import Advised
from host.simulator.play import Ask, Play, Played, Reply
from host.simulator.statistics import quantile
from plugin_sdk.contract.messages import Abstained, Prediction, Scores

NO_REPLY = Reply()
DURATION_NAMES = ("expected_duration", "expectedDuration", "duration", "runTime", "run_time")
SAMPLE = 2_000
ERRORS_KEPT = 5
CALL_TIMEOUT_S = 5.0
TEACHING_TIMEOUT_S = 300.0

_abstained = msgspec.json.Decoder(Abstained)
_scores = msgspec.json.Decoder(Scores)
_prediction = msgspec.json.Decoder(Prediction)


class Driver:
    """Asks one plugin on behalf of plays."""

    def __init__(self, plugin: Askable) -> None:
        self._plugin = plugin
        self._latencies: list[float] = []
        self._told = Advised()

    async def play(self, play: Play) -> Played:
        """One case to its end."""
        reply: Reply | None = None
        while True:
            try:
                ask = next(play) if reply is None else play.send(reply)
            except StopIteration as finished:
                played: Played = finished.value
                return played
            reply = await self._ask(ask)

    def cost(self) -> Advised:
        """What all questions together cost so far."""
        told = self._told
        if self._latencies:
            ordered = sorted(self._latencies)
            told.timed = len(ordered)
            told.p50_ms, told.p99_ms = quantile(ordered, 0.5), quantile(ordered, 0.99)
            step = max(1, math.ceil(len(ordered) / SAMPLE))
            told.latencies_ms = [round(each, 4) for each in ordered[::step]]
        return told

    async def _ask(self, ask: Ask) -> Reply:
        teaching = ask.method in ("learn", "train")
        began = time.monotonic()
        deadline = began + (TEACHING_TIMEOUT_S if teaching else CALL_TIMEOUT_S)
        self._told.calls += 1
        try:
            raw = await self._plugin.call(ask.method, ask.params, deadline=deadline)
            if teaching:
                return NO_REPLY
            reply = self._read(ask, raw)
        except PluginError as error:
            self._told.late += isinstance(error, CallLateError)
            self._failed(error.reason)
            return NO_REPLY
        except _BadReplyError as error:
            self._failed(str(error))
            return NO_REPLY
        finally:
            if not teaching:
                self._latencies.append((time.monotonic() - began) * 1000.0)
        return reply

    def _failed(self, why: str) -> None:
        self._told.failures += 1
        if len(self._told.errors) < ERRORS_KEPT:
            self._told.errors.append(why)

    def _read(self, ask: Ask, raw: msgspec.Raw) -> Reply:
        try:
            if ask.method == "score":
                scores = _scores.decode(raw).scores
                if len(scores) != ask.width:
                    raise _BadReplyError(f"{len(scores)} scores for {ask.width} candidates")
                return Reply(scores=scores)
            return Reply(value=_number(_prediction.decode(raw).prediction))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if self._said_no(raw):
                return NO_REPLY
            raise _BadReplyError(f"its answer to {ask.method} is none: {error}") from error

    def _said_no(self, raw: msgspec.Raw) -> bool:
        try:
            _abstained.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        self._told.abstained += 1
        return True


class _BadReplyError(Exception):
    pass


def _number(prediction: Any) -> float:
    value = prediction
    if isinstance(prediction, dict):
        value = next((prediction[name] for name in DURATION_NAMES if name in prediction), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _BadReplyError(
            f"it predicts {str(prediction)[:60]}; give a finite number, or one as expected_duration"
        )
    return float(value)

"""Asks a plugin one question: which method it is asked by, and what became of it.

Whatever a plugin does ends here as a `Heard` with a status. Each reply is checked as soon as it is in, so
that an answer in hand is always one that counts.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from host.clock import Clock
from host.engine.checks.verdict import Assessment, Objective
from host.engine.replies import Declined, ReplyError, read_reply
from host.errors import CallLateError, PluginError
from host.registry.askable import Askable
from host.solvers.stop import OutOfTimeError
from plugin_sdk.contract.answers import Candidate, CandidateStatus
from plugin_sdk.contract.messages import Capability, OptimizeParams, PredictParams, ScoreParams
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    OptimizeRequest,
    PredictionProblem,
    Problem,
    QueueProblem,
)

log = logging.getLogger(__name__)

Assess = Callable[[Any], Awaitable[Assessment]]


class Heard(msgspec.Struct, frozen=True):
    """One who was asked, and what came of it; `answer` only with the status "answered"."""

    by: str
    status: CandidateStatus
    duration_ms: float
    answer: Any = None
    objective: Objective | None = None
    confidence: float | None = None
    model_id: str | None = None
    reason: str | None = None
    scores: Sequence[float] | None = None
    bound: Objective | None = None
    gap: float | None = None
    out_of_time: bool | None = None

    def candidate(self) -> Candidate:
        """As the public answer shows it."""
        return Candidate(
            by=self.by,
            status=self.status,
            duration_ms=round(self.duration_ms, 3),
            objective=None if self.objective is None else list(self.objective),
            confidence=self.confidence,
            reason=self.reason,
            bound=None if self.bound is None else list(self.bound),
            gap=self.gap,
            out_of_time=self.out_of_time,
        )


class Question:
    """One problem as plugins are asked it: `optimize`, else `score`; predictions by `predict`, else `optimize`.

    Args:
        prefer_scores: Ask by `score` first, so that scores can be combined.
    """

    def __init__(self, request: OptimizeRequest, problem: Problem, *, prefer_scores: bool = False) -> None:
        self.problem = problem
        self._methods = _methods(problem, prefer_scores)
        self._request = request
        self._encoded: dict[str, bytes] = {}

    def method_for(self, capabilities: Mapping[str, Capability]) -> str | None:
        """How to ask someone with these; `None` when he has nothing that fits."""
        for each in self._methods:
            if each in capabilities:
                return each
        return None

    def params(self, method: str) -> bytes:
        """The parameters, encoded once however many are asked.

        Raises:
            ValueError, OverflowError, RecursionError: The caller sent something that JSON cannot say again.
        """
        if method not in self._encoded:
            self._encoded[method] = msgspec.json.encode(self._params(method))
        return self._encoded[method]

    def _params(self, method: str) -> msgspec.Struct:
        request = self._request
        if method == "predict":
            return PredictParams(request.data)
        if method == "optimize":
            return OptimizeParams(request.type, request.data, request.id, request.constraints)
        if isinstance(self.problem, OneTaskProblem):
            return ScoreParams(request.type, {**request.data["task"], "kind": "task"}, request.data["nodes"])
        rest = {name: value for name, value in request.data.items() if name != "jobs"}
        return ScoreParams(request.type, {**rest, "kind": "queue"}, request.data["jobs"])


def _methods(problem: Problem, prefer_scores: bool) -> tuple[str, ...]:
    """Those that fit the problem, the first choice first."""
    if isinstance(problem, PredictionProblem):
        return ("predict", "optimize")
    if isinstance(problem, (OneTaskProblem, QueueProblem)):
        return ("score", "optimize") if prefer_scores else ("optimize", "score")
    return ("optimize",)


async def ask(
    plugin: Askable, method: str, question: Question, assess: Assess, deadline: float, clock: Clock
) -> Heard:
    """One plugin's answer, checked. Never raises but when it is cancelled itself."""
    began = clock.now()

    def heard(status: CandidateStatus, **more: Any) -> Heard:
        return Heard(plugin.by, status, (clock.now() - began) * 1000.0, **more)

    try:
        raw = await plugin.call(method, question.params(method), deadline=deadline)
        reply = read_reply(question.problem, method, raw)
        if isinstance(reply, Declined):
            return heard("abstained", reason=reply.reason)
        answered = heard(
            "answered", confidence=reply.confidence, model_id=reply.model_id, scores=reply.scores
        )
        assessment = await assess(reply.answer)
    except CallLateError as error:
        return heard("late", reason=error.reason)
    except PluginError as error:
        return heard("failed", reason=error.reason)
    except ReplyError as error:
        _retract(plugin, method, str(error))
        return heard("invalid", reason=str(error))
    except OutOfTimeError:
        return heard("late", reason="it answered, but too late for its answer to be checked")
    except Exception as error:
        # A reply nobody thought of must cost this candidate only, not the request.
        log.exception("engine.ask_failed", extra={"plugin": plugin.name, "method": method})
        return heard("failed", reason=f"asking it went wrong in the host ({type(error).__name__})")
    if assessment.verdict.broken is not None:
        _retract(plugin, method, assessment.verdict.broken)
        return msgspec.structs.replace(answered, status="invalid", reason=assessment.verdict.broken)
    return msgspec.structs.replace(answered, answer=reply.answer, objective=assessment.objective)


def _retract(plugin: Askable, method: str, why: str) -> None:
    """Tells the plugin's keeper that what came as an answer was none. A fault in that costs nobody an answer."""
    try:
        plugin.retract(method, why)
    except Exception:
        log.exception("engine.not_retracted", extra={"plugin": plugin.name, "method": method})

"""What was decided and how it is written up: the public answer, with what became of everyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from host.engine.ask import Heard
from host.engine.checks.table import score
from host.engine.checks.verdict import Objective
from host.engine.present import present, present_prediction
from host.engine.strategies import Chosen, what_went_wrong
from host.solvers.builtins import built_ins
from plugin_sdk.contract.answers import Answer, AnswerMetrics
from plugin_sdk.contract.problems import OptimizeRequest, PredictionProblem, Problem


class Decision(msgspec.Struct, frozen=True):
    """Who was chosen and who was heard.

    Fields:
        chosen: Whose answer it is; `None` when nobody had one.
        heard: Everyone who was asked or computed, as `candidates` shows them.
        plugins: The plugins among them.
        spared: Plugins that were asked but not waited for, since nothing could be better.
        error: Why the answer is no success although there is one.
        interval: Where the outcome of a prediction will lie nine times in ten, as far as outcomes have taught.
        set_aside: Why answers that were in hand are not followed, a sentence each.
    """

    chosen: Heard | None
    heard: Sequence[Heard] = ()
    plugins: Sequence[Heard] = ()
    spared: Sequence[str] = ()
    error: str | None = None
    set_aside: Sequence[str] = ()
    interval: Any = None


class Asking(msgspec.Struct, frozen=True):
    """What a decision is written up against.

    Fields:
        asked: How many plugins could be asked.
        absent: Who should have been asked too, but is down.
        bound: What no answer can beat, if that is known.
        whole_ms: The time there was.
        weaker: What else made the answer weaker than it might have been.
    """

    request: OptimizeRequest
    problem: Problem
    strategy: Chosen
    asked: int
    absent: Sequence[str]
    whole_ms: float
    history_size: int
    bound: Objective | None = None
    weaker: Sequence[str] = ()


def write_up(asking: Asking, decision: Decision, duration_ms: float) -> Answer:
    """The public answer; without a `result` when nobody had one, and `error` says why."""
    chosen, problem, error = decision.chosen, asking.problem, decision.error
    result = None
    if chosen is None:
        error = _why_nobody(asking, decision)
    elif isinstance(problem, PredictionProblem):
        model_id = chosen.model_id or chosen.by.split("@")[0]
        result = present_prediction(chosen.answer.prediction, model_id, asking.history_size)
        if decision.interval is not None:
            result["interval"] = decision.interval
    else:
        result = present(problem, chosen.answer)
    weaker = what_went_wrong(decision.plugins)
    weaker += [*decision.set_aside, *asking.weaker]
    if asking.strategy.reason:
        weaker.append(asking.strategy.reason)
    weaker += [f"{name} could not be asked: it is not up" for name in asking.absent]
    spared = [f"{name} was not waited for: the answer cannot be beaten" for name in decision.spared]
    objective = None if chosen is None else chosen.objective
    return Answer(
        request_id=asking.request.id,
        success=error is None,
        result=result,
        error=error,
        metrics=AnswerMetrics(
            duration_ms=round(duration_ms), score=score(objective, asking.bound) if error is None else 0.0
        ),
        decided_by=None if chosen is None else chosen.by,
        strategy=asking.strategy.strategy,
        degraded=bool(weaker),
        reasons=weaker + spared,
        candidates=[each.candidate() for each in decision.heard],
        objective=None if objective is None else list(objective),
    )


def _why_nobody(asking: Asking, decision: Decision) -> str:
    kind = asking.request.type
    if built_ins(asking.problem):
        return f"no answer was ready within {asking.whole_ms:g} ms; give a larger deadlineMs or a smaller problem"
    if not asking.asked:
        down = f" ({', '.join(asking.absent)} handles it but is not up)" if asking.absent else ""
        return f"no plugin can be asked about {kind}{down}, and it has no built-in; drop one into the plugins directory"
    said = "; ".join(f"{each.by} {each.status}: {each.reason}" for each in decision.plugins)
    return f"no plugin answered this {kind} request, and it has no built-in ({said})"

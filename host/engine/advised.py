"""Tells the ledger who advised what on a request, so that its outcome teaches whose advice counts."""

from __future__ import annotations

from host.engine.blend import support
from host.engine.decision import Decision
from host.engine.learning.ledger import TOGETHER, Ledger
from host.engine.strategies import kind_of
from plugin_sdk.contract.problems import OneTaskProblem, PredictionProblem, Problem, QueueProblem


def note(ledger: Ledger, request_id: str, problem: Problem, decision: Decision) -> None:
    """Of a prediction what everyone said; of a decision whose it is, or who spoke how much for it."""
    chosen = decision.chosen
    if chosen is None:
        return
    if isinstance(problem, PredictionProblem):
        said = {each.by: each.answer.prediction for each in decision.heard if each.status == "answered"}
        ledger.predicted(request_id, {**said, chosen.by: chosen.answer.prediction})
        return
    together = chosen.by == TOGETHER
    scored = (
        {each.by: each.scores for each in decision.plugins if each.scores is not None} if together else {}
    )
    if isinstance(problem, OneTaskProblem) and together:
        node = chosen.answer.node_id
        ledger.decided(request_id, kind_of(problem), chosen.by, support(problem, scored, {node})[node])
        return
    ledger.decided(request_id, kind_of(problem), chosen.by)
    if isinstance(problem, QueueProblem):
        spoke = support(problem, scored, set(chosen.answer.start)) if together else {}
        ledger.started(request_id, problem, chosen.answer.start, chosen.by, spoke)

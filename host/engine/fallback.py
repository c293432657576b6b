"""Runs the built-in solvers on a problem and holds their answers to the same checks as everyone's."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from host.clock import Clock
from host.engine.ask import Heard
from host.engine.checks.table import checks_for
from host.engine.checks.verdict import OK, Assessment
from host.solvers.builtins import BuiltIn, built_ins
from host.solvers.stop import OutOfTimeError, Stop
from plugin_sdk.contract.problems import Problem

log = logging.getLogger(__name__)


def solve(
    problem: Problem,
    clock: Clock,
    hurry: Stop,
    out_of_time: Stop,
    *,
    all_of_them: bool,
    extra: Collection[str] = (),
    named: Sequence[str] = (),
) -> Iterator[Heard]:
    """What the built-ins answer, one after the other: the first one always, the others while there is time.

    Blocking; for large problems call it in a thread.

    Args:
        hurry: When it says so the first one finishes in a hurry and no other is begun.
        extra: Names of further ones that are asked too.
        named: Those that the caller named: asked too, and where not all are asked before the others.
        out_of_time: When it says so too, an objective that takes long to find stays unknown.
    """
    asked = built_ins(problem, {*extra, *named})
    if not all_of_them:
        asked = (*(each for each in asked if each.name in named), asked[0]) if named else asked[:1]
    for position, built_in in enumerate(asked):
        if position and all_of_them and hurry():
            break
        heard = _solve_one(problem, built_in, clock, hurry, out_of_time)
        if heard is not None:
            yield heard
            if not all_of_them and heard.status == "answered":
                break


def _solve_one(
    problem: Problem, built_in: BuiltIn, clock: Clock, hurry: Stop, out_of_time: Stop
) -> Heard | None:
    began = clock.now()
    answer: Any = built_in.solve(problem, hurry)
    if answer is None:
        return None
    try:
        assessment = checks_for(problem).assess(problem, answer, out_of_time)
    except OutOfTimeError:
        # Only a broken promise of a queue can be left unknown, and the built-in keeps those by construction.
        assessment = Assessment(OK)
    took_ms = (clock.now() - began) * 1000.0
    broken = assessment.verdict.broken
    if broken is not None:
        log.error("engine.built_in_is_wrong", extra={"built_in": built_in.name, "rule": broken})
        return Heard(built_in.by, "invalid", took_ms, reason=broken)
    return Heard(built_in.by, "answered", took_ms, answer=answer, objective=assessment.objective)

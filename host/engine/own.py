"""The host's own work on a request: the built-ins one after the other, and what no answer can beat.

Beside the plugins, in a thread where the problem is large. Each answer is there for the taking as soon as it is
known, so that a deadline finds whatever there is by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from host.clock import Clock
from host.engine import fallback
from host.engine.ask import Heard
from host.engine.checks.table import checks_for
from host.engine.checks.verdict import OK, Assessment, Objective
from host.engine.present import why_nothing_fits
from host.engine.refine import BY, Refiner
from host.solvers.builtins import built_ins
from host.solvers.stop import Stop
from plugin_sdk.contract.problems import PackingProblem, Problem

log = logging.getLogger(__name__)


class OwnWork:
    """What the built-ins have come to so far.

    Attributes:
        heard: Their answers, checked; the first is *the* built-in's.
        bound: What no answer can beat, once it is known.
        nothing_fits: Why nothing can be done at all, if nothing can.
    """

    def __init__(
        self,
        problem: Problem,
        clock: Clock,
        hurry: Stop,
        out_of_time: Stop,
        extra: Collection[str] = (),
        named: Sequence[str] = (),
    ) -> None:
        self.heard: list[Heard] = []
        self.bound: Objective | None = None
        self.nothing_fits: str | None = None
        self._problem = problem
        self._clock = clock
        self._hurry = hurry
        self._out_of_time = out_of_time
        self._extra = extra
        self._named = named
        self._has_any = bool(built_ins(problem))
        self._first = asyncio.Event()

    def run_here(self, *, all_of_them: bool, news: Callable[[], None]) -> None:
        """The work of a small problem, at once."""
        self._work(all_of_them, news)
        self._ended()

    async def run(self, *, all_of_them: bool, news: Callable[[], None]) -> None:
        """The work of a large problem, in a thread, until there is nothing left to do or time is up.

        Args:
            all_of_them: Not the first built-in alone.
            news: Called on the event loop when something more is known.
        """
        loop = asyncio.get_running_loop()

        def known() -> None:
            if self.heard:
                self._first.set()
            news()

        def known_from_a_thread() -> None:
            loop.call_soon_threadsafe(known)

        try:
            await asyncio.to_thread(self._work, all_of_them, known_from_a_thread)
        finally:
            self._ended()

    def _ended(self) -> None:
        self._has_any = bool(self.heard)
        self._first.set()

    async def refine(self, refiner: Refiner, deadline: float, news: Callable[[], None]) -> None:
        """Lets the refiner start from the best answer in hand, unless nothing can be better."""
        in_hand = [each for each in self.heard if each.status == "answered" and each.objective is not None]
        if not in_hand or self._bound_is_met():
            return
        best = min(in_hand, key=lambda each: each.objective or ())
        began = self._clock.now()
        found = await refiner.refine(self._problem, best.answer, deadline)
        if found is None:
            return
        objective = best.objective or ()
        answer = found.answer
        assessment = Assessment(OK, best.objective)
        if answer is not None:
            assessment = await asyncio.to_thread(
                checks_for(self._problem).assess, self._problem, answer, self._out_of_time
            )
        if assessment.verdict.ok and assessment.objective is not None:
            objective = assessment.objective
        # A bound of CP-SAT's holds for fewer unplaced items; where its own is lower, ours stays.
        self.bound = max(found.bound, self.bound or found.bound)
        self.heard.append(
            Heard(
                BY,
                "invalid" if not assessment.verdict.ok else "answered" if answer is not None else "abstained",
                (self._clock.now() - began) * 1000.0,
                answer=answer,
                objective=assessment.objective if answer is not None else None,
                reason=assessment.verdict.broken
                or (None if answer is not None else "it found nothing better than what is in hand"),
                bound=self.bound,
                gap=gap(objective, self.bound),
                out_of_time=found.out_of_time,
            )
        )
        news()

    def _bound_is_met(self) -> bool:
        bound = self.bound
        return bound is not None and any(
            each.objective is not None and each.objective <= bound for each in self.heard
        )

    async def first(self, timeout_s: float) -> None:
        """Waits until there is an answer, or it is known that there will be none, or time is up."""
        if self._has_any and not self.heard:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._first.wait()
            except TimeoutError:
                return

    def _work(self, all_of_them: bool, tell: Callable[[], None]) -> None:
        try:
            self._solve(all_of_them, tell)
        except Exception:
            # What the built-ins had before stays in hand, and the plugins' answers count as they do.
            log.exception("engine.built_in_failed")

    def _solve(self, all_of_them: bool, tell: Callable[[], None]) -> None:
        checks = checks_for(self._problem)
        answers = fallback.solve(
            self._problem,
            self._clock,
            self._hurry,
            self._out_of_time,
            all_of_them=all_of_them,
            extra=self._extra,
            named=self._named,
        )
        for position, heard in enumerate(answers):
            self.heard.append(heard)
            if position == 0:
                tell()  # before the bound, which may take as long again
                if isinstance(self._problem, PackingProblem) and _all_unplaced(self._problem, heard):
                    self.nothing_fits = why_nothing_fits(self._problem)
                if checks.bound is not None and not self._out_of_time():
                    self.bound = checks.bound(self._problem)
            tell()
            if self.bound is not None and heard.objective is not None and heard.objective <= self.bound:
                return  # nobody can do better, the other built-ins neither


def gap(objective: Objective, bound: Objective) -> float:
    """How far an objective is above a bound, as a share of the bound: by the first member that differs."""
    for reached, least in zip(objective, bound, strict=True):
        if reached > least:
            return (reached - least) / least if least else reached
    return 0.0


def _all_unplaced(problem: PackingProblem, heard: Heard) -> bool:
    return heard.objective is not None and heard.objective[0] >= len(problem.items)

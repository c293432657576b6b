"""One request on its way: everyone is asked, the answers in hand are compared, and one is chosen by the deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from math import inf
from typing import Any

from host.clock import Clock
from host.engine.ask import Heard, Question
from host.engine.blend import blended
from host.engine.checks.table import checks_for
from host.engine.checks.verdict import Assessment, Objective
from host.engine.config import EngineConfig
from host.engine.decision import Asking, Decision, write_up
from host.engine.ensemble import combine
from host.engine.gathering import gather, nothing
from host.engine.learning.ledger import TOGETHER, Ledger
from host.engine.own import OwnWork
from host.engine.refine import Refiner
from host.engine.replies import from_scores
from host.engine.strategies import best_of, choose, kind_of
from host.registry.askable import Askable
from host.solvers.builtins import CP_SAT, REFINED, built_ins
from host.solvers.stop import OutOfTimeError, Stop
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    OptimizeRequest,
    PredictionProblem,
    Problem,
    QueueProblem,
)
from plugin_sdk.contract.problems.request import Strategy

log = logging.getLogger(__name__)

REFINER_MARGIN_S = 0.1  # for its last answer to be told and checked
LEAST_ASK_S = 0.01  # less is not enough for a plugin to answer in, only for the host to ask
LATE_S = 0.08  # a built-in's answer this much after a deadline that was too short is worth more than none


class Run:
    """One request on its way."""

    def __init__(
        self,
        request: OptimizeRequest,
        problem: Problem,
        plugins: Sequence[Askable],
        absent: Sequence[str],
        history_size: int,
        clock: Clock,
        config: EngineConfig,
        arrived: float,
        ledger: Ledger,
        writers: Executor,
        refiner: Refiner | None = None,
        asked_until: float = inf,
    ) -> None:
        self._request = request
        self._problem = problem
        self._absent = absent
        self._history_size = history_size
        self._clock = clock
        self._config = config
        self._checks = checks_for(problem)
        self._is_large = self._checks.size(problem) > config.inline_size
        self._life = _Life()
        self._began = arrived
        whole_s = (
            request.deadline_ms / 1000.0 if request.deadline_ms is not None else config.default_deadline_s
        )
        self._deadline = self._began + whole_s
        self._plugins_until = self._began + config.plugin_time_s(whole_s)
        self._asked_until = min(self._plugins_until, asked_until if built_ins(problem) else inf)
        self._ledger = ledger
        self._writers = writers
        self._refiner = refiner if self._may_refine(whole_s) else None
        self._kind = kind_of(problem)
        self._strategy = choose(problem, request.strategy or config.strategy_for(request.type))
        self.decision = Decision(None)
        self.weaker: list[str] = []
        if CP_SAT in (request.built_ins or ()) and not (refiner is not None and refiner.is_there):
            self.weaker.append("builtin:cp-sat is not installed; pip install 'engine-ops[solve]'")
        self._question = Question(request, problem, prefer_scores=self._strategy.strategy == "ensemble")
        self._asked = [
            (plugin, method)
            for plugin in plugins
            if (method := self._question.method_for(plugin.capabilities)) is not None
        ]
        if self._asked and asked_until < inf and self._asked_until - clock.now() < LEAST_ASK_S:
            self._asked = []
            self.weaker.append("there was no time to ask plugins about all requests that came together")
        # Refined for half of the plugins' time, so that the other half is left to check the answers.
        self._own = OwnWork(
            problem,
            clock,
            hurry=self._stop_at((self._began + self._plugins_until) / 2),
            out_of_time=self._stop_at(self._plugins_until),
            extra=config.extra_names,
            named=request.built_ins or (),
        )

    async def answer(self) -> Answer:
        """By the deadline; with an `error` and no `result` when nobody had one."""
        try:
            self.decision = await self._decide(self._strategy.strategy)
        finally:
            self._life.is_over = True  # a thread that is still at it gives up
        asking = Asking(
            request=self._request,
            problem=self._problem,
            strategy=self._strategy,
            asked=len(self._asked),
            absent=self._absent,
            whole_ms=(self._deadline - self._began) * 1000.0,
            history_size=self._history_size,
            bound=self._own.bound,
            weaker=self.weaker,
        )
        writing = partial(write_up, asking, self.decision, (self._clock.now() - self._began) * 1000.0)
        if not self._is_large:
            return writing()
        # Thousands of items take tenths of a second, which others shall not wait for; nor shall this one wait for
        # threads that others solve in.
        return await asyncio.get_running_loop().run_in_executor(self._writers, writing)

    async def _decide(self, strategy: Strategy) -> Decision:
        if strategy == "ensemble":
            if isinstance(self._problem, PredictionProblem):
                return await self._together()
            return await self._best(blend=True)
        if strategy == "priority":
            return await self._by_priority()
        return await self._best()

    async def _best(self, *, blend: bool = False) -> Decision:
        """All at once and every built-in; the best objective wins, or what their scores come to together."""
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        settling: list[asyncio.TimerHandle] = []
        reached: list[Objective] = []

        def settle() -> None:
            bound = self._own.bound
            if bound is None or settling or blend:
                return
            best = [*reached, *(each.objective for each in self._own.heard if each.objective is not None)]
            if any(each <= bound for each in best):
                loop = asyncio.get_running_loop()
                settling.append(loop.call_later(self._config.settle_s, _set, enough))

        async def assess(answer: Any) -> Assessment:
            assessment = await self._assess(answer)
            if assessment.objective is not None:
                reached.append(assessment.objective)
                settle()
            return assessment

        own, here = self._start_own(all_of_them=True, news=settle)
        try:
            plugins, spared = await gather(
                self._asked, self._question, assess, self._asked_until, self._clock, enough, here
            )
            built_in = await self._by_the_deadline(own)
        finally:
            _cancel(own)
            for timer in settling:
                timer.cancel()
        followed, set_aside = self._followed(plugins)
        chosen = best_of(built_in, followed)
        heard = [*built_in, *plugins]
        together = self._blended(followed) if blend else None
        if together is not None:
            heard.append(together)
            heeded, why = self._followed([together])
            set_aside += why
            chosen = together if heeded and together.status == "answered" else chosen
        return Decision(chosen, heard, plugins, spared, self._own.nothing_fits, set_aside)

    async def _by_priority(self) -> Decision:
        """One after the other, and the first answer that passes its checks; then the built-in."""
        own, here = self._start_own(all_of_them=False, news=lambda: None)
        never_enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        plugins: list[Heard] = []
        set_aside: list[str] = []
        try:
            for position, each in enumerate(self._asked):
                why = self._ledger.aside(self._kind, each[0].by, self._clock.now())
                if why is not None:
                    set_aside.append(f"{each[0].by} was not asked: {why}")
                    continue
                # An even share of what is left, so that one that hangs does not use up the time of all.
                left = self._asked_until - self._clock.now()
                until = self._clock.now() + left / (len(self._asked) - position)
                heard, _ = await gather(
                    [each], self._question, self._assess, until, self._clock, never_enough, here
                )
                here = nothing
                plugins += heard
                if heard[0].status == "answered":
                    break
            here()
            built_in = await self._by_the_deadline(own)
        finally:
            _cancel(own)
        chosen = next((each for each in [*plugins, *built_in] if each.status == "answered"), None)
        error = self._own.nothing_fits
        return Decision(chosen, [*plugins, *built_in], plugins, error=error, set_aside=set_aside)

    async def _together(self) -> Decision:
        """Predictions of all, combined."""
        never_enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        plugins, _ = await gather(
            self._asked, self._question, self._assess, self._asked_until, self._clock, never_enough
        )
        answered = [each for each in plugins if each.status == "answered"]
        chosen = answered[0] if answered else None
        if len(answered) > 1:
            weights = self._ledger.weights(
                [each.by for each in answered], [each.confidence for each in answered]
            )
            blend = combine([each.answer.prediction for each in answered], weights)
            chosen = Heard(TOGETHER, "answered", 0.0, answer=Prediction(blend), model_id=TOGETHER)
        interval = chosen and self._ledger.interval(chosen.by, chosen.answer.prediction)
        return Decision(chosen, plugins, plugins, interval=interval)

    def _followed(self, plugins: Sequence[Heard]) -> tuple[list[Heard], list[str]]:
        """Those whose advice is followed; and why that of others is not, which is as good to look at."""
        followed, set_aside = [], []
        for each in plugins:
            why = self._ledger.aside(self._kind, each.by, self._clock.now())
            if why is None or each.status != "answered":
                followed.append(each)
            else:
                set_aside.append(f"{each.by} was not followed: {why}")
        return followed, set_aside

    def _blended(self, plugins: Sequence[Heard]) -> Heard | None:
        """The scores of all together as one more candidate; `None` where nobody gave any."""
        problem = self._problem
        assert isinstance(problem, OneTaskProblem | QueueProblem)  # `choose` sees to it
        scored = [
            (each.scores, self._ledger.worth(self._kind, each.by))
            for each in plugins
            if each.scores is not None
        ]
        if not scored:
            return None
        began = self._clock.now()
        answer = from_scores(problem, blended(problem, scored))
        try:
            found = self._checks.assess(problem, answer, self._stop_at(self._deadline))
        except OutOfTimeError:
            return Heard(TOGETHER, "late", 0.0, reason="there was no time left to check it")
        took_ms = (self._clock.now() - began) * 1000.0
        if found.verdict.broken is not None:
            return Heard(TOGETHER, "invalid", took_ms, reason=found.verdict.broken)
        return Heard(TOGETHER, "answered", took_ms, answer=answer, objective=found.objective)

    def _start_own(
        self, *, all_of_them: bool, news: Callable[[], None]
    ) -> tuple[asyncio.Task[None] | None, Callable[[], None]]:
        """The host's own work: a task that does it, or what is to be called when the plugins have been asked."""
        here = partial(self._own.run_here, all_of_them=all_of_them, news=news)
        refiner = self._refiner if all_of_them else None
        if not self._is_large and refiner is None:
            return None, here

        async def work() -> None:
            if self._is_large:
                await self._own.run(all_of_them=all_of_them, news=news)
            else:
                await asyncio.sleep(0)  # the plugins' calls go out first, so that they work meanwhile
                here()
            if refiner is not None:
                await self._own.refine(refiner, self._plugins_until - REFINER_MARGIN_S, news)

        return asyncio.create_task(work(), name="built-ins"), nothing

    def _may_refine(self, whole_s: float) -> bool:
        """Whether a search is wanted: it was named, or a deadline was that leaves time for one."""
        if not isinstance(self._problem, REFINED):
            return False
        if CP_SAT in (self._request.built_ins or ()) or CP_SAT in self._config.extra_names:
            return True
        return self._request.deadline_ms is not None and 0 < self._config.refine_from_s <= whole_s

    async def _assess(self, answer: Any) -> Assessment:
        out_of_time = self._stop_at(self._plugins_until)
        if not self._is_large:
            return self._checks.assess(self._problem, answer, out_of_time)
        return await asyncio.to_thread(self._checks.assess, self._problem, answer, out_of_time)

    def _stop_at(self, until: float) -> Stop:
        life, now = self._life, self._clock.now
        return lambda: life.is_over or now() >= until

    async def _by_the_deadline(self, own: asyncio.Task[None] | None) -> list[Heard]:
        """The built-ins' answers: all if they are there, else what there is at the deadline or hardly after."""
        left = self._deadline - self._clock.now()
        if own is not None and left > 0 and not own.done():
            # The refinements are not worth the whole of the caller's time when the plugins have had theirs.
            await asyncio.wait({own}, timeout=min(left, max(self._plugins_until - self._clock.now(), 0.0)))
        await self._own.first(max(self._deadline - self._clock.now(), LATE_S))
        return list(self._own.heard)


class _Life:
    """Whether a run is over. Apart from it, since the run holds its own work, which holds what asks this: with the run
    itself in that, all that a request was made of would be a cycle, and lie about until a collection.
    """

    is_over = False


def _cancel(own: asyncio.Task[None] | None) -> None:
    if own is not None:
        own.cancel()


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

"""One request on its way: everyone is asked, the answers in hand are compared, and one is chosen by the deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from host.clock import Clock
from host.engine.ask import Heard, Question, gather
from host.engine.checks.table import checks_for
from host.engine.checks.verdict import Assessment, Objective
from host.engine.config import EngineConfig
from host.engine.decision import Asking, Decision, write_up
from host.engine.ensemble import combine
from host.engine.own import OwnWork
from host.engine.strategies import best_of, choose
from host.registry.askable import Askable
from host.solvers.stop import Stop
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems import OptimizeRequest, Problem
from plugin_sdk.contract.problems.request import Strategy

log = logging.getLogger(__name__)

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
    ) -> None:
        self._request = request
        self._problem = problem
        self._absent = absent
        self._history_size = history_size
        self._clock = clock
        self._config = config
        self._checks = checks_for(problem)
        self._is_over = False
        self._began = arrived
        whole_s = (
            request.deadline_ms / 1000.0 if request.deadline_ms is not None else config.default_deadline_s
        )
        self._deadline = self._began + whole_s
        self._plugins_until = self._began + config.plugin_time_s(whole_s)
        self._question = Question(request, problem)
        methods = [(plugin, self._question.method_for(plugin.capabilities)) for plugin in plugins]
        self._asked = [(plugin, method) for plugin, method in methods if method is not None]
        # Refined for half of the plugins' time, so that the other half is left to check the answers.
        self._own = OwnWork(
            problem,
            clock,
            hurry=self._stop_at((self._began + self._plugins_until) / 2),
            out_of_time=self._stop_at(self._plugins_until),
            extra=config.extra_names,
        )

    async def answer(self) -> Answer:
        """By the deadline; with an `error` and no `result` when nobody had one."""
        strategy = choose(
            self._problem, self._request.strategy or self._config.strategy_for(self._request.type)
        )
        try:
            decision = await self._decide(strategy.strategy)
        finally:
            self._is_over = True  # a thread that is still at it gives up
        asking = Asking(
            request=self._request,
            problem=self._problem,
            strategy=strategy,
            asked=len(self._asked),
            absent=self._absent,
            whole_ms=(self._deadline - self._began) * 1000.0,
            history_size=self._history_size,
            bound=self._own.bound,
        )
        return write_up(asking, decision, (self._clock.now() - self._began) * 1000.0)

    async def _decide(self, strategy: Strategy) -> Decision:
        if strategy == "ensemble":
            return await self._together()
        if strategy == "priority":
            return await self._by_priority()
        return await self._best()

    async def _best(self) -> Decision:
        """All at once and every built-in; the best objective wins."""
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        settling: list[asyncio.TimerHandle] = []
        reached: list[Objective] = []

        def settle() -> None:
            bound = self._own.bound
            best = [*reached, *(each.objective for each in self._own.heard if each.objective is not None)]
            if not settling and bound is not None and any(each <= bound for each in best):
                loop = asyncio.get_running_loop()
                settling.append(loop.call_later(self._config.settle_s, _set, enough))

        async def assess(answer: Any) -> Assessment:
            assessment = await self._assess(answer)
            if assessment.objective is not None:
                reached.append(assessment.objective)
                settle()
            return assessment

        own = self._start_own(all_of_them=True, news=settle)
        try:
            plugins, spared = await gather(
                self._asked, self._question, assess, self._plugins_until, self._clock, enough
            )
            built_in = await self._by_the_deadline(own)
        finally:
            own.cancel()
            for timer in settling:
                timer.cancel()
        heard = [*built_in, *plugins]
        return Decision(best_of(built_in, plugins), heard, plugins, spared, self._own.nothing_fits)

    async def _by_priority(self) -> Decision:
        """One after the other, and the first answer that passes its checks; then the built-in."""
        own = self._start_own(all_of_them=False, news=lambda: None)
        never_enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        plugins: list[Heard] = []
        try:
            for position, each in enumerate(self._asked):
                # An even share of what is left, so that one that hangs does not use up the time of all.
                left = self._plugins_until - self._clock.now()
                until = self._clock.now() + left / (len(self._asked) - position)
                heard, _ = await gather(
                    [each], self._question, self._assess, until, self._clock, never_enough
                )
                plugins += heard
                if heard[0].status == "answered":
                    break
            built_in = await self._by_the_deadline(own)
        finally:
            own.cancel()
        chosen = next((each for each in [*plugins, *built_in] if each.status == "answered"), None)
        return Decision(chosen, [*plugins, *built_in], plugins, error=self._own.nothing_fits)

    async def _together(self) -> Decision:
        """Predictions of all, combined."""
        never_enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        plugins, _ = await gather(
            self._asked, self._question, self._assess, self._plugins_until, self._clock, never_enough
        )
        answered = [each for each in plugins if each.status == "answered"]
        chosen = answered[0] if answered else None
        if len(answered) > 1:
            blend = combine(
                [each.answer.prediction for each in answered], [each.confidence for each in answered]
            )
            chosen = Heard("ensemble", "answered", 0.0, answer=Prediction(blend), model_id="ensemble")
        return Decision(chosen, plugins, plugins)

    def _start_own(self, *, all_of_them: bool, news: Callable[[], None]) -> asyncio.Task[None]:
        work = self._own.run(in_a_thread=self._is_large, all_of_them=all_of_them, news=news)
        return asyncio.create_task(work, name="built-ins")

    async def _assess(self, answer: Any) -> Assessment:
        out_of_time = self._stop_at(self._plugins_until)
        if not self._is_large:
            return self._checks.assess(self._problem, answer, out_of_time)
        return await asyncio.to_thread(self._checks.assess, self._problem, answer, out_of_time)

    @property
    def _is_large(self) -> bool:
        return self._checks.size(self._problem) > self._config.inline_size

    def _stop_at(self, until: float) -> Stop:
        return lambda: self._is_over or self._clock.now() >= until

    async def _by_the_deadline(self, own: asyncio.Task[None]) -> list[Heard]:
        """The built-ins' answers: all if they are there, else what there is at the deadline or hardly after."""
        left = self._deadline - self._clock.now()
        if left > 0 and not own.done():
            # The refinements are not worth the whole of the caller's time when the plugins have had theirs.
            await asyncio.wait({own}, timeout=min(left, max(self._plugins_until - self._clock.now(), 0.0)))
        await self._own.first(max(self._deadline - self._clock.now(), LATE_S))
        return list(self._own.heard)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

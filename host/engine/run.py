"""One request on its way: everyone is asked, the answers in hand are compared, and one is chosen by the deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from host.clock import Clock
from host.engine import fallback
from host.engine.ask import Heard, Question, gather
from host.engine.checks.table import checks_for
from host.engine.checks.verdict import Assessment, Objective
from host.engine.config import EngineConfig
from host.engine.decision import Asking, Decision, write_up
from host.engine.ensemble import combine
from host.engine.present import why_nothing_fits
from host.engine.strategies import best_of, choose, meets
from host.registry.askable import Askable
from host.solvers.stop import Stop
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems import OptimizeRequest, PackingProblem, Problem
from plugin_sdk.contract.problems.request import Strategy

log = logging.getLogger(__name__)

T = TypeVar("T")

LATE_S = 0.05  # a built-in's answer this much after a deadline that was too short is worth more than none


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
        self._bound: Objective | None = None
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

    async def answer(self) -> Answer:
        """By the deadline; with an `error` and no `result` when nobody had one."""
        strategy = choose(self._problem, self._request.strategy)
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
            bound=self._bound,
        )
        return write_up(asking, decision, (self._clock.now() - self._began) * 1000.0)

    async def _decide(self, strategy: Strategy) -> Decision:
        try:
            async with asyncio.timeout(self._deadline - self._clock.now()):
                nothing_fits = await self._prepare()
        except TimeoutError:  # every thread is busy with problems as large as this
            return Decision(None)
        if nothing_fits is not None:
            return await self._alone(nothing_fits)
        if strategy == "priority":
            return await self._by_priority()
        if strategy == "ensemble":
            return await self._together()
        return await self._best()

    async def _prepare(self) -> str | None:
        """Finds the bound; and why nothing can be done, if nothing can."""
        if self._checks.bound is not None:
            self._bound = await self._at_work(self._checks.bound, self._problem)
        if isinstance(self._problem, PackingProblem):
            return await self._at_work(why_nothing_fits, self._problem)
        return None

    async def _best(self) -> Decision:
        """All at once and every built-in; the best objective wins."""
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        settling: list[asyncio.TimerHandle] = []

        def settle(heard: Sequence[Heard]) -> None:
            if not settling and any(meets(each, self._bound) for each in heard):
                loop = asyncio.get_running_loop()
                settling.append(loop.call_later(self._config.settle_s, _set, enough))

        async def assess(answer: Any) -> Assessment:
            assessment = await self._assess(answer)
            settle([Heard("", "answered", 0.0, objective=assessment.objective)])
            return assessment

        own = asyncio.create_task(self._solve(all_of_them=True), name="built-ins")
        own.add_done_callback(
            lambda task: None if task.cancelled() or task.exception() else settle(task.result())
        )
        try:
            plugins, spared = await gather(
                self._asked, self._question, assess, self._plugins_until, self._clock, enough
            )
            built_in = await self._by_the_deadline(own)
        finally:
            own.cancel()
            for timer in settling:
                timer.cancel()
        return Decision(best_of(built_in, plugins), [*built_in, *plugins], plugins, spared)

    async def _by_priority(self) -> Decision:
        """One after the other, and the first answer that passes its checks; then the built-in."""
        own = asyncio.create_task(self._solve(all_of_them=False), name="built-in")
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
        return Decision(chosen, [*plugins, *built_in], plugins)

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

    async def _alone(self, error: str) -> Decision:
        """The built-in, when there is nothing to win."""
        built_in = await self._by_the_deadline(
            asyncio.create_task(self._solve(all_of_them=False), name="built-in")
        )
        return Decision(built_in[0] if built_in else None, built_in, error=error)

    async def _solve(self, *, all_of_them: bool) -> list[Heard]:
        """The built-ins' answers; refined for half of the plugins' time, so that the other half is left to check them."""
        await asyncio.sleep(0)  # the plugins' calls go out first, so that they work meanwhile
        hurry = self._stop_at((self._began + self._plugins_until) / 2)
        out_of_time = self._stop_at(self._plugins_until)
        return await self._at_work(
            lambda: fallback.solve(self._problem, self._clock, hurry, out_of_time, all_of_them=all_of_them)
        )

    async def _assess(self, answer: Any) -> Assessment:
        return await self._at_work(
            self._checks.assess, self._problem, answer, self._stop_at(self._plugins_until)
        )

    async def _at_work(self, work: Callable[..., T], *args: Any) -> T:
        if self._checks.size(self._problem) <= self._config.inline_size:
            return work(*args)
        return await asyncio.to_thread(work, *args)

    def _stop_at(self, until: float) -> Stop:
        return lambda: self._is_over or self._clock.now() >= until

    async def _by_the_deadline(self, own: asyncio.Task[list[Heard]]) -> list[Heard]:
        """The built-ins' answers; none if there are not any by the deadline or hardly after."""
        left = self._deadline - self._clock.now()
        done, _ = await asyncio.wait({own}, timeout=max(left, LATE_S))
        if not done:
            own.cancel()
            return []
        error = own.exception()
        if error is None:
            return own.result()
        log.error("engine.built_in_failed", exc_info=error, extra={"request": self._request.id})
        return []


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

"""The engine: a request in, the best checked answer out, by its deadline.

Theory of operation. Everyone is asked at once, the built-ins beside them; a reply counts only when it has
passed the problem's checks. Plugins have until a reserve before the deadline, which is enough for the host to
take the best of what is in hand and say so. A built-in always answers, so with one for the kind of
problem there always is something in hand.

A good answer is kept for a while, and equal requests in flight are one piece of work (cache.py, flights.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any, Protocol

import msgspec

from host.clock import Clock
from host.engine import many_predictions, many_requests
from host.engine.admission import Admission, AdmissionStatistics
from host.engine.advised import note
from host.engine.cache import AnswerCache, CacheStatistics, key_of
from host.engine.checks.table import checks_for
from host.engine.config import EngineConfig
from host.engine.flights import Flights
from host.engine.learning.ledger import AdviserStatistics, Ledger
from host.engine.refine import Refiner
from host.engine.run import Run
from host.errors import BusyError, CapabilityMissingError, EngineOpsError, NoAnswerError
from host.registry.askable import Askable, Directory
from host.solvers.builtins import built_ins, check_names
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.messages import Abstained, Prediction
from plugin_sdk.contract.problems import (
    OptimizeRequest,
    ProblemError,
    parse_problem,
)
from plugin_sdk.contract.workload import WorkloadDataPoint

__all__ = ["Engine", "EngineConfig", "History"]

log = logging.getLogger(__name__)

WRITERS = 2  # threads that write large answers up; they are begun when the first is


class History(Protocol):
    """Where finished requests go."""

    def size(self) -> int:
        """Points there are to learn from."""
        ...

    def record(self, request: OptimizeRequest, answer: Answer) -> None:
        """Takes note of a finished request, good or bad."""
        ...


class Engine:
    """Answers requests with the help of whoever is in the directory."""

    def __init__(
        self, directory: Directory, history: History, clock: Clock, config: EngineConfig | None = None
    ) -> None:
        self._directory = directory
        self._history = history
        self._clock = clock
        self._config = config or EngineConfig()
        self._cache = AnswerCache(self._config.cache_entries, self._config.cache_ttl_s)
        self._flights: Flights[Answer] = Flights()
        self._ledger = Ledger(self._config.guard())
        self._refiner = Refiner(clock)
        self._writers = ThreadPoolExecutor(WRITERS, "write-up")
        self._admission = Admission(self._config.admission(large=False), clock)
        self._large_admission = Admission(self._config.admission(large=True), clock)

    async def optimize(
        self, request: OptimizeRequest, arrived: float | None = None, plugins_until: float = inf
    ) -> Answer:
        """The answer to a request.

        Args:
            arrived: When the request came, on the clock's `now`; its deadline counts from then.
            plugins_until: When plugins are no longer waited for, where that is sooner than the deadline asks for.

        Raises:
            ProblemError: The request's data or constraints cannot be used; nothing is recorded.
            NoAnswerError: Nobody answered and no built-in stands in; recorded as a failure.
            BusyError: More is being worked on than can be done in time; it was not begun.
        """
        arrived = self._clock.now() if arrived is None else arrived
        deadline = arrived + self._whole_s(request)
        plugins = self._directory.askable(request.type)
        absent = self._directory.absent(request.type)
        state = self._state(request.type, plugins, absent, arrived) if self._cache.is_on else None
        entries = _entries(request.data)
        # What reading a request comes to; that of a large one is done in a thread.
        is_short = entries <= self._config.inline_entries
        key = self._key(request) if is_short else await asyncio.to_thread(self._key, request)
        kept = self._cache.get(key, state, arrived) if key is not None else None
        if kept is not None:
            answer = self._again(kept, request, arrived)
            self._record(request, answer)
            return answer
        # To read a large request costs many times what it costs to refuse it.
        is_known = key is not None and self._flights.has((key, state))
        if not is_known and self._large_admission.is_full(deadline) and self._is_long(request.data):
            raise self._large_admission.turned_away()
        problem = parse_problem(request) if is_short else await asyncio.to_thread(parse_problem, request)
        check_names(problem, request.built_ins or (), "builtIns")
        small = checks_for(problem).size(problem) <= self._config.inline_size
        admission = self._admission if small else self._large_admission

        async def decide() -> Answer:
            came = self._clock.now()
            if not await admission.enter(deadline, quick=small and bool(built_ins(problem))):
                return await work(plugins_too=False)
            try:
                return await work(plugins_too=True)
            finally:
                admission.leave(came)

        async def work(*, plugins_too: bool) -> Answer:
            asked = plugins if plugins_too else ()
            size = self._history.size()
            run = Run(
                request,
                problem,
                asked,
                absent,
                size,
                self._clock,
                self._config,
                arrived,
                self._ledger,
                self._writers,
                self._refiner,
                plugins_until,
            )
            if not plugins_too and plugins:
                run.weaker.append("the host has more to do than it can: plugins were not asked")
            answer = await run.answer()
            note(self._ledger, request.id, problem, run.decision)
            return answer

        answer = (
            await self._shared(request, key, state, arrived, decide) if key is not None else await decide()
        )
        self._record(request, answer)
        if answer.result is None:
            raise NoAnswerError(answer.error or "nobody answered")
        return answer

    async def aclose(self) -> None:
        """Ends what it has started."""
        self._writers.shutdown(wait=False)
        await self._refiner.aclose()

    async def optimize_many(
        self, requests: Sequence[OptimizeRequest], read_s: float = 0.0
    ) -> list[Answer | EngineOpsError | ProblemError]:
        """One outcome a request, in their order; all deadlines count from *read_s* ago."""
        arrived = self._clock.now() - read_s
        return await many_requests.optimize_many(
            self.optimize, requests, arrived, self._whole_s, self._clock, self._config.many_at_once
        )

    async def predict(self, name: str, value: Any, deadline_s: float | None = None) -> Prediction | Abstained:
        """One plugin's prediction, by *deadline_s* from now.

        Raises:
            NotFoundError: There is no such plugin.
            PluginError: It is not up, has no `predict`, or has no prediction that can be used.
        """
        plugin, deadline = self._predictor(name, deadline_s)
        return await many_predictions.predict_one(plugin, value, deadline)

    async def predict_many(
        self, name: str, inputs: Sequence[Any], deadline_s: float | None = None
    ) -> list[many_predictions.Outcome]:
        """One outcome an input, in their order, all by *deadline_s* from now.

        Raises:
            NotFoundError: There is no such plugin.
            PluginError: It is not up, or has no `predict`.
        """
        plugin, deadline = self._predictor(name, deadline_s)
        return await many_predictions.predict_many(plugin, inputs, deadline, self._clock)

    def outcomes(self, points: Sequence[WorkloadDataPoint]) -> None:
        """Learns from what came of requests: points that name one as their `requestId`."""
        try:
            self._ledger.outcomes(points, self._clock.now())
        except Exception:
            # What is learnt makes answers better; a point nobody thought of must not be refused for it.
            log.exception("engine.outcomes_not_understood")

    def advisers(self) -> dict[str, AdviserStatistics]:
        """How those whose advice has been judged do, by kind of request and `name@version`."""
        return self._ledger.statistics()

    def admission_statistics(self) -> AdmissionStatistics:
        """How many were admitted, had to wait, were left to the built-in, and were refused, small and large."""
        small, large = self._admission.statistics(), self._large_admission.statistics()
        names = AdmissionStatistics.__struct_fields__
        return AdmissionStatistics(*(getattr(small, name) + getattr(large, name) for name in names))

    def is_large(self, entries: int) -> bool:
        """Whether a request with so many items or jobs is worked on in a thread, and has a place of its own kind."""
        return entries > self._config.inline_size

    def has_room(self, *, large: bool) -> bool:
        """Whether one more request, begun now, would have a place or a short wait for one."""
        return self._large_admission.has_room(quick=False) if large else self._admission.has_room(quick=True)

    def turned_away(self, *, large: bool, waiting: int) -> BusyError:
        """What the caller of a request is told that was not begun, as there was no room for it; it is counted."""
        return (self._large_admission if large else self._admission).turned_away(waiting)

    def cache_statistics(self) -> CacheStatistics:
        """How the cache of answers does."""
        return self._cache.statistics()

    def _predictor(self, name: str, deadline_s: float | None) -> tuple[Askable, float]:
        plugin = self._directory.named(name)
        if "predict" not in plugin.capabilities:
            has = ", ".join(sorted(plugin.capabilities)) or "nothing"
            raise CapabilityMissingError(name, f"it has no predict; it declared {has}")
        whole_s = self._config.default_deadline_s if deadline_s is None else deadline_s
        return plugin, self._clock.now() + whole_s

    def _state(self, kind: str, plugins: Sequence[Askable], absent: Sequence[str], now: float) -> Hashable:
        """On what answers depend beside their requests: a kept one is good while this stays as it is."""
        return tuple([each.state for each in plugins]), tuple(absent), self._ledger.standing(kind, now)

    def _is_long(self, data: dict[str, Any]) -> bool:
        """Whether it is a large problem, as far as that can be seen without reading it."""
        lists = (data.get("items"), data.get("jobs"))
        return any(isinstance(each, list) and self.is_large(len(each)) for each in lists)

    def _key(self, request: OptimizeRequest) -> bytes | None:
        if not self._cache.is_on:
            return None
        try:
            return key_of(request)
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            return None  # it can be answered, but not be told from others

    async def _shared(
        self, request: OptimizeRequest, key: bytes, state: Hashable, arrived: float, decide: Any
    ) -> Answer:
        """The answer that is being made for an equal request, or else a new one."""
        deadline = arrived + self._whole_s(request)
        answer, of_another = await self._flights.join((key, state), deadline, decide)
        if of_another:
            self._cache.joined += 1
            return self._again(answer, request, arrived)
        if answer.success and not answer.degraded:
            self._cache.put(key, state, answer, self._clock.now())
        return answer

    def _whole_s(self, request: OptimizeRequest) -> float:
        """From its arrival to its deadline."""
        if request.deadline_ms is None:
            return self._config.default_deadline_s
        return request.deadline_ms / 1000.0

    def _again(self, answer: Answer, request: OptimizeRequest, arrived: float) -> Answer:
        self._ledger.same(request.id, answer.request_id)
        took_ms = round((self._clock.now() - arrived) * 1000.0)
        metrics = msgspec.structs.replace(answer.metrics, duration_ms=took_ms)
        return msgspec.structs.replace(answer, request_id=request.id, metrics=metrics, cached=True)

    def _record(self, request: OptimizeRequest, answer: Answer) -> None:
        try:
            self._history.record(request, answer)
        except Exception:
            # The answer is good; a history that cannot be written must not take it from the caller.
            log.exception("engine.not_recorded", extra={"request": request.id})


def _entries(data: dict[str, Any]) -> int:
    """How many entries the lists of a request have: about how long reading it takes."""
    return sum(len(each) for each in data.values() if isinstance(each, list))

"""The engine: a request in, the best checked answer out, by its deadline.

Theory of operation. Everyone is asked at once, the built-ins beside them; a reply counts only when it has
passed the problem's checks. Plugins have until a reserve before the deadline, which is enough for the host to
take the best of what is in hand and say so. A built-in always answers, so with one for the kind of
problem there always is something in hand.
"""

from __future__ import annotations

import logging
from typing import Protocol

from host.clock import Clock
from host.engine.config import EngineConfig
from host.engine.run import Run
from host.errors import NoAnswerError
from host.registry.askable import Directory
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem

__all__ = ["Engine", "EngineConfig", "History"]

log = logging.getLogger(__name__)


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

    async def optimize(self, request: OptimizeRequest) -> Answer:
        """The answer to a request.

        Raises:
            ProblemError: The request's data or constraints cannot be used; nothing is recorded.
            NoAnswerError: Nobody answered and no built-in stands in; recorded as a failure.
        """
        problem = parse_problem(request)
        plugins = self._directory.askable(request.type)
        absent = self._directory.absent(request.type)
        size = self._history.size()
        run = Run(request, problem, plugins, absent, size, self._clock, self._config)
        answer = await run.answer()
        try:
            self._history.record(request, answer)
        except Exception:
            # The answer is good; a history that cannot be written must not take it from the caller.
            log.exception("engine.not_recorded", extra={"request": request.id})
        if answer.result is None:
            raise NoAnswerError(answer.error or "nobody answered")
        return answer

"""The refiner: one worker process with CP-SAT, started when it is first of use, killed when it is over its time.

One request at a time has it; another that comes meanwhile does without. It takes a second to come up: a request that
has not so much time does without, and a later one finds it up. A worker that was killed is started anew by the next
request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from dataclasses import dataclass
from typing import Any

import msgspec

from host.clock import Clock
from host.engine.checks.verdict import Objective
from host.solvers.refine.task import (
    Found,
    Task,
    is_installed,
    packing_answer,
    packing_task,
    placement_answer,
    placement_task,
)
from plugin_sdk.contract.problems import PackingProblem, PlacementProblem, Problem

log = logging.getLogger(__name__)

BY = "builtin:cp-sat"
LEAST_S = 0.15  # of time; below it nothing is begun
ENDS_S = 1.0  # likewise where nobody waits for it any more: to come up again takes longer
OVER_S = 0.25  # that the worker may take beyond its time, to tell what it has
LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Refined:
    """What the refiner came to.

    Fields:
        answer: Unchecked, like any; `None` when it found nothing better than what it was given.
        bound: What no answer can beat, as far as it is known; padded with 0 for a member that it does not look at.
        out_of_time: It was cut short.
    """

    answer: Any
    bound: Objective
    out_of_time: bool


class Refiner:
    """Used on the event loop's thread alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._coming_up: asyncio.Task[bytes] | None = None
        self._busy = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None
        self.is_there = is_installed()

    async def refine(self, problem: Problem, hint: Any, deadline: float) -> Refined | None:
        """Looks for something better than *hint* until *deadline*; `None` when it could not be asked.

        Cancelling it ends the search.
        """
        if not self.is_there or self._is_taken or deadline - self._clock.now() < LEAST_S:
            return None
        if not isinstance(problem, PackingProblem | PlacementProblem):
            return None
        async with self._busy:
            if not await self._is_up(deadline - LEAST_S):
                return None
            made = await asyncio.to_thread(_task_for, problem, hint, deadline)
            if made is None:
                return None
            task, ids = made
            found = await self._ask(task, deadline + OVER_S)
        if found is None:
            return Refined(None, (0.0, 0.0), True)
        answer: Any = None
        if found.node_of and found.node_of != task.hint:
            if isinstance(problem, PackingProblem):
                answer = packing_answer(problem, found, ids)
            else:
                answer = placement_answer(problem, found, ids)
        return Refined(answer, tuple(float(each) for each in found.bound), found.out_of_time)

    async def aclose(self) -> None:
        """Ends the worker."""
        if self._ending is not None:
            self._ending.cancel()
        await self._kill()

    async def _ask(self, task: Task, until: float) -> Found | None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            async with asyncio.timeout(until - self._clock.now()):
                process.stdin.write(msgspec.json.encode(task) + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=Found)
        except TimeoutError:
            log.warning("refiner.over_its_time")
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("refiner.failed", extra={"error": type(error).__name__})
        except asyncio.CancelledError:
            if until - self._clock.now() > 2 * OVER_S:
                await self._kill()
            else:  # it is about to end by itself
                self._ending = asyncio.create_task(self._end(process, until), name="refiner:end")
            raise
        await self._kill()
        return None

    async def _end(self, process: asyncio.subprocess.Process, until: float) -> None:
        """Takes the answer that nobody waits for any more."""
        assert process.stdout is not None
        try:
            async with asyncio.timeout(max(until - self._clock.now(), 0.0) + ENDS_S):
                await process.stdout.readline()
        except (TimeoutError, ValueError, OSError):
            await self._kill()

    @property
    def _is_taken(self) -> bool:
        return self._busy.locked() or (self._ending is not None and not self._ending.done())

    async def _is_up(self, until: float) -> bool:
        """Whether the worker is there by then; one that is not goes on coming up."""
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "host.solvers.refine.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LINE_BYTES,
            )
            assert self._process.stdout is not None
            self._coming_up = asyncio.create_task(self._process.stdout.readline(), name="refiner:up")
        assert self._coming_up is not None
        await asyncio.wait({self._coming_up}, timeout=max(until - self._clock.now(), 0.0))
        coming = self._coming_up
        return coming is not None and coming.done() and not coming.cancelled() and bool(coming.result())

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if self._coming_up is not None:
            self._coming_up.cancel()
            self._coming_up = None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _task_for(problem: Problem, hint: Any, deadline: float) -> tuple[Task, list[str]] | None:
    if isinstance(problem, PackingProblem):
        return packing_task(problem, hint, deadline)
    assert isinstance(problem, PlacementProblem)  # nothing else is refined
    return placement_task(problem, hint, deadline)

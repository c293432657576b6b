"""Background work that somebody waits for: no task is lost, and no failure of one goes unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Completes *work* although the caller is cancelled meanwhile, then lets the cancellation through.

    For cleanup that must happen; *work* itself has to be bounded.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except Exception:
            break  # it is raised below, from the task itself
    if cancelled is not None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("tasks.cleanup_failed", exc_info=failure)
        raise cancelled
    return task.result()


async def unless(reason: Coroutine[Any, Any, None], work: Coroutine[Any, Any, T]) -> T | None:
    """What *work* returns, or `None` when *reason* ends first; the other of the two is cancelled."""
    task = asyncio.ensure_future(work)
    other = asyncio.ensure_future(reason)
    both: set[asyncio.Future[Any]] = {task, other}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        other.cancel()
        task.cancel()


class Background:
    """Tasks with a name and an owner, who ends them with `aclose`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Runs *work*; if it fails, that is logged once, here."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("tasks.failed", exc_info=failure, extra={"task": task.get_name()})

    async def aclose(self) -> None:
        """Cancels what still runs and waits until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Bell:
    """Wakes those who wait for a condition whenever it is rung; who rings it changed something."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Everyone who waits looks again."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def rung(self) -> None:
        """Waits for the next ring."""
        ring: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ring)
        await ring

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when *condition* holds; it is looked at now and at every ring."""
        while not condition():
            await self.rung()

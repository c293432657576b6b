"""Runs all the work, in this process or several, and keeps each outcome as soon as it is known."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from host.errors import ConfigError, PluginError
from host.simulator.drive import Driver
from host.simulator.house import housed
from host.simulator.outcome import Advised, Outcome
from host.simulator.plan import Work, load_task
from host.simulator.play import Advice, Options, Played, Task, alone

OUTCOMES = "outcomes.ndjson"
STARTS = 3  # of a plugin for one case
STOP_S = 5.0  # for workers to end a plugin and remove its folder
log = logging.getLogger(__name__)

T = TypeVar("T")
Seen = Callable[[Outcome], None]


@lru_cache(maxsize=2)
def _task(name: str, data: Path, options: Options) -> Task:
    return load_task(name, data, options)


def do(work: Work) -> Outcome:
    """One piece of work.

    Raises:
        EngineOpsError: The plugin did not start, or cannot be asked what the task asks.
    """
    task = _task(work.task, work.data, work.options)
    advised = None
    if work.decider.folder is None:
        began = time.perf_counter()
        played = alone(task.play(work.case, Advice(work.decider.name)))
        seconds = time.perf_counter() - began
    else:
        played, seconds, advised = _loop(_advised(work, task))
    return Outcome(work.task, work.decider.name, work.settings, work.case, played, seconds, advised)


async def _advised(work: Work, task: Task) -> tuple[Played, float, Advised]:
    assert work.decider.folder is not None
    for tried in range(1, STARTS + 1):
        driver: Driver | None = None
        try:
            async with housed(work.decider.folder, work.allow_weak_sandbox) as plugin:
                driver = Driver(plugin)
                advice = Advice(methods=frozenset(plugin.capabilities))
                began = time.perf_counter()
                played = await driver.play(task.play(work.case, advice))
                return played, time.perf_counter() - began, driver.cost()
        except PluginError:
            # On a machine that is busy a sandbox may not come up in time; a plugin that cannot start does not the next time.
            if driver is not None or tried == STARTS:
                raise
    raise AssertionError("the last try returns or raises")


def _loop(main: Coroutine[Any, Any, T]) -> T:
    factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        from uvloop import new_event_loop as factory
    except ImportError:
        factory = None
    in_worker = multiprocessing.parent_process() is not None
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(_until_sigterm(main) if in_worker else main)
    finally:
        # Ctrl-C may come before it has begun; nobody is told then that it never did.
        main.close()


async def _until_sigterm(main: Coroutine[Any, Any, T]) -> T:
    """Cancelled by it: an exception from a handler would come up in whatever callback is being run."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    loop.add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        return await main
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def run_all(work: list[Work], jobs: int, seen: Seen) -> bool:
    """Does all the work and tells each outcome; whether all of it was done. Ctrl-C ends it early.

    Raises:
        EngineOpsError: As `do`.
    """
    try:
        if jobs <= 1 or len(work) <= 1:
            for each in work:
                seen(do(each))
            return True
        with ProcessPoolExecutor(
            min(jobs, len(work)), multiprocessing.get_context("spawn"), initializer=_begin_worker
        ) as pool:
            try:
                for done in as_completed(_submitted(pool, work)):
                    seen(done.result())
            except BaseException:
                # Without its workers the pool ends by itself, and is waited for.
                _end(list(pool._processes.values()))
                raise
        return True
    except KeyboardInterrupt:
        return False


def _submitted(pool: ProcessPoolExecutor, work: Sequence[Work]) -> list[Future[Outcome]]:
    # Workers are started here, and take on what is blocked: one that still imports would answer Ctrl-C with a traceback.
    # One that comes meanwhile reaches this process afterwards.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return [pool.submit(_work, each) for each in work]
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end(workers: Sequence[BaseProcess]) -> None:
    """Each is asked to clean up; one that computes and does not listen is killed."""
    for each in workers:
        each.terminate()
    until = time.monotonic() + STOP_S
    for each in workers:
        each.join(max(until - time.monotonic(), 0.0))
        each.kill()


def _work(work: Work) -> Outcome:
    """`do`, in a worker: when it is told to end it cleans up after the plugin first, and does nothing else."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return do(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _begin_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent alone answers to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    logging.getLogger().setLevel(logging.ERROR)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed says nothing to its pool, whose workers would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Kept:
    """The outcomes of a folder, one line of JSON each.

    Args:
        resume: Read what is there; else it is begun anew.
    """

    def __init__(self, out: Path | None, resume: bool) -> None:
        self._path = out / OUTCOMES if out is not None else None
        self.outcomes: list[Outcome] = []
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if resume and self._path.is_file():
                self.outcomes = list(_read(self._path))
                _end_last_line(self._path)
            else:
                self._path.write_bytes(b"")
        except OSError as error:
            raise ConfigError(
                f"{self._path}: {error.strerror or error}; give --out a folder to write to"
            ) from error

    def add(self, outcome: Outcome) -> None:
        """Keeps one, on disk before it returns."""
        self.outcomes.append(outcome)
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(outcome) + b"\n")


def _end_last_line(path: Path) -> None:
    # A kill may have cut it short; what is added next must not become part of it.
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size and (file.seek(size - 1), file.read(1))[1] != b"\n":
            file.write(b"\n")


def _read(path: Path) -> Iterator[Outcome]:
    for line in path.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=Outcome)
        except msgspec.DecodeError:
            log.warning(
                "simulate.outcome_unreadable", extra={"file": str(path)}
            )  # cut short when it was killed

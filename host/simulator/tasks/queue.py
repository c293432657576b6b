"""Windows of a log, a job picked at a time: the average bounded slowdown, as learned schedulers are compared.

Source: Zhang et al. (2020), RLScheduler, SC: windows of 1,024 jobs, ten of them from one seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from host.errors import ConfigError
from host.simulator.play import Advice, Case, Metric, Options, Play, Played, chosen
from host.simulator.tasks.asking import JobText, learned, queue_question
from host.simulator.tasks.schedule_report import report
from host.solvers.batch.state import JobColumns
from host.solvers.batch.windows import (
    ORDERS,
    WindowJob,
    play_in_order,
    play_window,
)
from host.traces.job import Trace

WINDOW = 1024
WINDOWS = 10


class QueueTask:
    """A plugin is asked to score the queue at each pick; the highest is picked."""

    metric = Metric("bounded slowdown", "", higher_is_better=False)
    builtins: Sequence[str] = tuple(ORDERS)

    def __init__(self, logs: Sequence[Trace], options: Options) -> None:
        names = chosen([log.name for log in logs], options.lists, "log")
        self._logs = {log.name: log for log in logs if log.name in names}
        self._options = options
        self.notes = [f"{log.name}: {log.description}" for log in self._logs.values()]
        for log in self._logs.values():
            if len(log.jobs) < 3 * WINDOW:
                raise ConfigError(f"{log.source}: {len(log.jobs)} jobs; windows need {3 * WINDOW} or more")

    def cases(self) -> list[Case]:
        """See `Task.cases`."""
        seeds = self._options.seeds or (1,)
        return [
            Case(f"{name}/{seed}/{start}", name, seed)
            for name, log in self._logs.items()
            for seed in seeds
            for start in window_starts(seed, len(log.jobs))
        ]

    def play(self, case: Case, advice: Advice) -> Play:
        """See `Task.play`."""
        name, _, start = case.key.rsplit("/", 2)
        log = self._logs[name]
        traced = log.jobs[int(start) : int(start) + WINDOW]
        jobs = [WindowJob(job.submit_s, job.run_s, job.procs, job.requested_s) for job in traced]
        backfill = self._options.backfill
        if advice.builtin is not None:
            starts = play_in_order(jobs, log.procs, backfill, ORDERS[advice.builtin])
            return _report(jobs, starts, log.procs)
        text = JobText(traced)
        fallbacks = 0
        play = play_window(jobs, log.procs, backfill)
        pick = next(play)
        told: set[int] = set()
        while True:
            if "learn" in advice.methods:
                begun = pick.start
                ended = [
                    job
                    for job, at in enumerate(begun)
                    if job not in told and at >= 0 and at + jobs[job].run <= pick.now
                ]
                ended.sort(key=lambda job: begun[job] + jobs[job].run)
                if ended:
                    told.update(ended)
                    yield learned([(traced[job], begun[job]) for job in ended])
            order = list(range(len(pick.queue)))
            if len(order) > 1:
                reply = yield queue_question(text, pick.queue, pick.now, log.procs, pick.free)
                if reply.scores is None:
                    fallbacks += 1
                    order.sort(key=lambda at: jobs[pick.queue[at]].submit)
                else:
                    scores = reply.scores
                    order.sort(key=lambda at: -scores[at])
            try:
                pick = play.send(order[0])
            except StopIteration as finished:
                return _report(jobs, finished.value, log.procs, fallbacks)


def _report(jobs: Sequence[WindowJob], starts: Sequence[float], procs: int, fallbacks: int = 0) -> Played:
    columns = JobColumns.of(
        [job.submit for job in jobs],
        [job.run for job in jobs],
        [job.procs for job in jobs],
        [job.requested for job in jobs],
        [""] * len(jobs),
    )
    return report(columns, np.array(starts), procs, fallbacks)


def window_starts(seed: int, jobs: int) -> list[int]:
    """Where the published windows begin: drawn by numpy's old generator, seeded as OpenAI Gym did.

    Gym hashes the seed with SHA-512 and gives the first 8 bytes to the Mersenne Twister as two words.
    """
    digest = hashlib.sha512(str(seed).encode()).digest()[:8]
    words = [int.from_bytes(digest[at : at + 4], "little") for at in (0, 4)]
    while words and words[-1] == 0:
        words.pop()
    chance = np.random.RandomState()
    chance.seed(words)
    return [int(chance.randint(WINDOW, jobs - WINDOW - 1)) for _ in range(WINDOWS)]

"""A built-in beside a run that others advise, knowing no more than that run does: what it would have made of the same jobs.

Theory of operation. Two schedules are kept. The sure one goes only as far as what is known carries it: a job that has not
ended in the run is known to run for longer than it has by now, so whatever comes before it could end is certain. The
live one goes on from there to now with expected run times. Every so often it is taken up anew from the sure one, so that
what was expected wrongly is forgotten once the truth is heard: in the end it is the built-in's very schedule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from host.solvers.batch.engine import FINISHED, advance
from host.solvers.batch.heap import push
from host.solvers.batch.replay import Replay
from host.solvers.batch.rules import Rules
from host.solvers.batch.state import HEAP, NEVER, NEXT, QUEUE, RUNNING, new_state
from host.solvers.compiling import COMPILED, compiled

TAKEN_UP_EVERY = 64  # steps at least
STEPS_A_JOB = (
    0.125  # and so many for each job that is played again, so that a step plays eight again on average
)


class Shadow:
    """A job runs here as long as it is expected to, and as long as it did once it has ended in the run.

    Attributes:
        state: Up to now.
        sure: As far as it is certain: what has started there has started then.
        expected: How long each job is taken to run that has not ended in the run.
    """

    def __init__(self, beside: Replay, procs: int, rules: Rules) -> None:
        self.state = new_state(beside.jobs, procs, rules, beside=beside.state)
        self.sure = new_state(beside.jobs, procs, rules, beside=beside.state)
        self.expected: Any = beside.jobs.requested.copy()
        self._now = self._sure_until = -math.inf
        self._first = 0  # of the jobs that had not ended in the sure one when the live one was last taken up
        self._steps_left = TAKEN_UP_EVERY

    def expect(self, job: int, run_s: float) -> None:
        """How long it is taken to run; said before the job comes."""
        self.state.run[job] = self.expected[job] = run_s

    def ended(self, job: int, run_s: float) -> None:
        """It has ended in the run, and ran so long."""
        for state, until in ((self.state, self._now), (self.sure, self._sure_until)):
            column: Any = state
            column.run[job] = run_s
            if column.start[job] != NEVER and column.known_end[job] == NEVER:
                push(column, max(until, float(column.start[job]) + run_s), FINISHED, job)

    def advance_to(self, now: float) -> None:
        """Catches up."""
        self._now = now
        self._steps_left -= 1
        if self._steps_left <= 0:
            self._sure_until = max(self._sure_until, _go_surely(self.sure, now))
            came = int(self.state.at[NEXT])
            take_up(self.state, self.sure, self.expected, self._first, came, self._sure_until)
            while self._first < came and self.sure.known_end[self._first] != NEVER:
                self._first += 1
            self._steps_left = max(TAKEN_UP_EVERY, int(STEPS_A_JOB * (came - self._first)))
        advance(self.state, now)

    def has_surely_started(self, jobs: np.ndarray) -> np.ndarray:
        """Of each of *jobs*, whether its start is certain."""
        start = self.sure.start
        began = start[jobs] if COMPILED else np.array([start[job] for job in jobs])
        return np.asarray(began != NEVER)

    @property
    def idle(self) -> bool:
        """Whether nothing is coming, running or waiting."""
        return not int(self.state.at[HEAP]) and not int(self.state.at[QUEUE])

    def start_of(self, job: int) -> float:
        """`NEVER` before it."""
        return float(self.state.start[job])


@compiled
def _go_surely(state: Any, now: float) -> float:
    """Takes all events before the first that what is known at *now* does not settle; until when it got."""
    until = -math.inf
    while True:
        coming = math.inf
        if state.at[NEXT] < len(state.submit):
            coming = state.submit[state.at[NEXT]]
        if state.at[HEAP] > 0:
            coming = min(coming, state.heap_time[0])
        if coming > now:
            return until
        for place in range(state.at[RUNNING]):
            job = state.running[place]
            if state.beside_end[job] < 0:
                has_run = now - state.beside[job] if state.beside[job] >= 0 else 0.0
                if state.start[job] + has_run <= coming:
                    return until
        advance(state, coming)
        until = coming


@compiled
def take_up(live: Any, sure: Any, expected: Any, first: int, came: int, sure_until: float) -> None:
    """Makes *live* a copy of *sure*, but for how long jobs are expected to run; jobs from *first* to *came* may differ."""
    for job in range(first, came):
        live.run[job] = expected[job] if live.beside_end[job] < 0 else sure.run[job]
        live.predicted[job] = sure.predicted[job]
        live.first[job] = sure.first[job]
        live.corrected[job] = sure.corrected[job]
        live.priority[job] = sure.priority[job]
        live.start[job] = sure.start[job]
        live.known_end[job] = sure.known_end[job]
    for user in range(len(live.last)):
        live.last[user] = sure.last[user]
        live.before[user] = sure.before[user]
    for place in range(len(live.at)):
        live.at[place] = sure.at[place]
    for place in range(sure.at[HEAP]):
        live.heap_time[place] = sure.heap_time[place]
        live.heap_kind[place] = sure.heap_kind[place]
        live.heap_sequence[place] = sure.heap_sequence[place]
        live.heap_job[place] = sure.heap_job[place]
    for place in range(sure.at[RUNNING]):
        live.running_end[place] = sure.running_end[place]
        live.running[place] = sure.running[place]
    for place in range(sure.at[QUEUE]):
        live.queue[place] = sure.queue[place]
        live.by_length[place] = sure.by_length[place]
    for place in range(sure.at[RUNNING]):
        job = sure.running[place]
        if live.beside_end[job] < 0:
            push(live, max(sure_until, live.start[job] + live.run[job]), FINISHED, job)

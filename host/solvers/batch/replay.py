"""One replay from outside: run a published scheduler to the end, or answer it job by job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.solvers.batch.engine import ASK, DONE, ORDER, advance, insert_running
from host.solvers.batch.rules import Rules
from host.solvers.batch.state import (
    ASKING,
    ENDED,
    NEVER,
    ORDER_ASKED,
    PREDICTOR,
    QUEUE,
    REPLAN_ALWAYS,
    RUNNING,
    SHORTEST_FIRST,
    Floats,
    JobColumns,
    new_state,
)

BOUND_S = 10.0  # a slowdown counts run times from here on up (Feitelson and Rudolph 1998)


def start_times(jobs: JobColumns, procs: int, rules: Rules) -> Floats:
    """When each job starts under a scheduler that asks nobody. Each must fit the machine."""
    state = new_state(jobs, procs, rules)
    advance(state, math.inf)
    return np.asarray(state.start, dtype=np.float64)


def bounded_slowdowns(jobs: JobColumns, start: Floats) -> Floats:
    """max(1, (wait + run) / max(run, 10 s)) of each job."""
    wait = start - jobs.submit
    return np.maximum(1.0, (wait + jobs.run) / np.maximum(jobs.run, BOUND_S))


@dataclass(frozen=True)
class Predict:
    """A job was submitted: how long will it run?"""

    job: int
    now: float


@dataclass(frozen=True)
class Order:
    """One of several waiting jobs may start: which goes first?"""

    waiting: list[int]
    now: float


class Replay:
    """A replay that stops where somebody outside is asked, as its rules say."""

    def __init__(self, jobs: JobColumns, procs: int, rules: Rules) -> None:
        self.jobs = jobs
        self.rules = rules
        self.state = new_state(jobs, procs, rules)
        self._told = 0

    def next_question(self) -> Predict | Order | None:
        """Goes on until somebody must be asked; `None` when all jobs have ended."""
        reached = advance(self.state, math.inf)
        if reached == ASK:
            job = int(self.state.at[ASKING])
            return Predict(job, float(self.jobs.submit[job]))
        if reached == ORDER:
            return Order(self.waiting, float(self.state.clock[0]))
        assert reached == DONE
        return None

    def predict(self, job: int, run_s: float) -> None:
        """The answer to `Predict`: at least a second is believed, and at most the request."""
        self.state.predicted[job] = min(max(run_s, 1.0), max(float(self.jobs.requested[job]), 1.0))

    def reorder(self, priority: Mapping[int, float]) -> None:
        """The answer to `Order`: higher goes first, of equals the one submitted earlier."""
        for job, value in priority.items():
            self.state.priority[job] = value
        self._sort(sorted(self.waiting))

    def newly_ended(self) -> Sequence[int]:
        """The jobs that have ended since the last call, in that order."""
        count = int(self.state.at[ENDED])
        found = [int(job) for job in self.state.ended[self._told : count]]
        self._told = count
        return found

    @property
    def waiting(self) -> list[int]:
        """The queue, first to start first."""
        return [int(job) for job in self.state.queue[: int(self.state.at[QUEUE])]]

    @property
    def running(self) -> list[int]:
        """The jobs that hold processors."""
        return [int(job) for job in self.state.running[: int(self.state.at[RUNNING])]]

    @property
    def start(self) -> Floats:
        """Start of each job, `NEVER` for those that have not."""
        return np.asarray(self.state.start, dtype=np.float64)

    def follow(self, rules: Rules) -> None:
        """Goes on under other rules."""
        state: Any = self.state
        state.rule[PREDICTOR] = int(rules.predictor)
        state.rule[SHORTEST_FIRST] = int(rules.shortest_first)
        state.rule[REPLAN_ALWAYS] = int(rules.replan_always)
        state.rule[ORDER_ASKED] = int(rules.order_asked)
        self.rules = rules

    def plan_by_requests(self) -> None:
        """Forgets what was predicted and in which order: all is planned by requested times, in order of arrival."""
        state: Any = self.state
        for job in self.waiting:
            state.predicted[job] = state.first[job] = self.jobs.requested[job]
            state.priority[job] = 0.0
        self._sort(sorted(self.waiting))
        running = self.running
        state.at[RUNNING] = 0
        for job in running:
            state.predicted[job] = max(float(self.jobs.requested[job]), float(state.predicted[job]))
            insert_running(state, job)

    def _sort(self, waiting: list[int]) -> None:
        state: Any = self.state
        by_priority = sorted(waiting, key=lambda job: -state.priority[job])
        by_length = sorted(waiting, key=lambda job: state.predicted[job])
        for place, job in enumerate(by_priority):
            state.queue[place] = job
        for place, job in enumerate(by_length):
            state.by_length[place] = job


__all__ = [
    "BOUND_S",
    "NEVER",
    "JobColumns",
    "Order",
    "Predict",
    "Replay",
    "bounded_slowdowns",
    "start_times",
]

"""Instances, schedules, and schedules built operation by operation by a dispatching rule.

Source: Giffler and Thompson (1960) for active schedules; the rules: Panwalkar and Iskander (1977).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Operation:
    """A time on a machine."""

    machine: int
    duration: int


@dataclass(frozen=True)
class Shop:
    """An instance: the operations of each job, in their order."""

    name: str
    jobs: tuple[tuple[Operation, ...], ...]
    machines: int


Schedule = list[list[int]]  # start of each operation of each job


def makespan(shop: Shop, schedule: Schedule) -> int:
    """When the last operation ends."""
    return max(
        start + operation.duration
        for job, starts in zip(shop.jobs, schedule, strict=True)
        for operation, start in zip(job, starts, strict=True)
    )


def fault(shop: Shop, schedule: Schedule) -> str | None:
    """What is wrong with a schedule, in words; `None` when it is feasible."""
    on_machine: dict[int, list[tuple[int, int]]] = {}
    for number, (job, starts) in enumerate(zip(shop.jobs, schedule, strict=True)):
        ready = 0
        for operation, start in zip(job, starts, strict=True):
            if start < ready:
                return f"job {number} starts an operation at {start}, before {ready}"
            ready = start + operation.duration
            on_machine.setdefault(operation.machine, []).append((start, ready))
    for machine, spans in on_machine.items():
        spans.sort()
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                return f"machine {machine} does two operations at {start}"
    return None


@dataclass(frozen=True)
class Candidate:
    """An operation that may be scheduled next."""

    job: int
    step: int
    operation: Operation
    start: int
    work_left: int  # of its job, this operation included


@dataclass(frozen=True)
class Dispatch:
    """Which of these operations, all wanting one machine, goes first? Answered with a place in `candidates`."""

    machine: int
    candidates: list[Candidate]


def play_shop(shop: Shop) -> Generator[Dispatch, int, Schedule]:
    """Builds an active schedule, asking wherever two operations want a machine at once."""
    step = [0] * len(shop.jobs)
    ready = [0] * len(shop.jobs)
    free = [0] * shop.machines
    schedule: Schedule = [[] for _ in shop.jobs]
    left = [sum(operation.duration for operation in job) for job in shop.jobs]
    while True:
        waiting = [
            Candidate(job, step[job], operations[step[job]], max(ready[job], free[operations[step[job]].machine]), left[job])
            for job, operations in enumerate(shop.jobs)
            if step[job] < len(operations)
        ]  # fmt: skip
        if not waiting:
            return schedule
        first = min(waiting, key=lambda each: each.start + each.operation.duration)
        ends, machine = first.start + first.operation.duration, first.operation.machine
        rivals = [each for each in waiting if each.operation.machine == machine and each.start < ends]
        chosen = rivals[(yield Dispatch(machine, rivals)) if len(rivals) > 1 else 0] if rivals else first
        schedule[chosen.job].append(chosen.start)
        ready[chosen.job] = free[machine] = chosen.start + chosen.operation.duration
        step[chosen.job] += 1
        left[chosen.job] -= chosen.operation.duration


DISPATCH: Mapping[str, Callable[[Candidate], float]] = {
    "shortest-operation": lambda each: each.operation.duration,
    "most-work-left": lambda each: -each.work_left,
    "first-ready": lambda each: each.start,
}
"""By name: the smallest goes first."""


def dispatch(shop: Shop, rule: Callable[[Candidate], float]) -> Schedule:
    """A schedule by one of `DISPATCH`."""
    play = play_shop(shop)
    answer: int | None = None
    while True:
        try:
            asked = play.send(answer) if answer is not None else next(play)
        except StopIteration as finished:
            schedule: Schedule = finished.value
            return schedule
        answer = min(range(len(asked.candidates)), key=lambda place: rule(asked.candidates[place]))


def trivial_bound(shop: Shop) -> int:
    """No schedule is shorter than its longest job or its busiest machine."""
    busy = [0] * shop.machines
    for job in shop.jobs:
        for operation in job:
            busy[operation.machine] += operation.duration
    return max([*busy, *(sum(operation.duration for operation in job) for job in shop.jobs)])


def best_dispatch(shop: Shop) -> tuple[str, Schedule]:
    """The best of all rules, and its name."""
    schedules: Sequence[tuple[str, Schedule]] = [
        (name, dispatch(shop, rule)) for name, rule in DISPATCH.items()
    ]
    return min(schedules, key=lambda each: makespan(shop, each[1]))

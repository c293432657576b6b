"""The queue of a cluster: who starts now, first come first served or with EASY backfilling.

Source: Lifka (1995), The ANL/IBM SP scheduling system (EASY); the other orders' are in queue_orders.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.solvers.projection import Machine, Promises, project, start_easy, start_in_turn
from host.solvers.queue_orders import ORDERS, Order
from host.solvers.stop import OutOfTimeError, Stop, never
from plugin_sdk.contract.problems.queue import Job, QueueAnswer, QueueProblem

Decide = Callable[[QueueProblem, Sequence[Job]], QueueAnswer]


def easy(problem: QueueProblem, out_of_time: Stop = never) -> QueueAnswer:
    """Jobs in the order they came; later ones go ahead if that moves no start that was promised."""
    return _keeping_promises(problem, easy_in_order, out_of_time)


def in_order_of(name: str) -> Callable[[QueueProblem, Stop], QueueAnswer | None]:
    """The solver that plays one of `ORDERS` with EASY backfilling; it gives no answer when time is up."""
    order = ORDERS[name]

    def solve(problem: QueueProblem, out_of_time: Stop = never) -> QueueAnswer | None:
        if out_of_time():
            return None

        return _keeping_promises(problem, easy_in_order, out_of_time, order)

    return solve


def fcfs(problem: QueueProblem, out_of_time: Stop = never) -> QueueAnswer:
    """Jobs in the order they came, and none ahead of its turn now."""
    return _keeping_promises(problem, _fcfs_in_order, out_of_time)


def easy_in_order(problem: QueueProblem, order: Sequence[Job]) -> QueueAnswer:
    """What EASY backfilling starts now when the queue stands in *order* (all jobs)."""
    starts: dict[str, float] = {}
    start_easy(Machine.at_now(problem), order, problem.now, Promises(problem), starts)
    return _answer(order, starts)


def in_order_of_arrival(problem: QueueProblem) -> list[Job]:
    """The jobs by the time they came; of equals, the one listed first."""
    return sorted(problem.jobs, key=lambda job: job.submit)


def _fcfs_in_order(problem: QueueProblem, order: Sequence[Job]) -> QueueAnswer:
    starts: dict[str, float] = {}
    start_in_turn(Machine.at_now(problem), order, problem.now, starts)
    return _answer(order, starts)


def _keeping_promises(
    problem: QueueProblem, decide: Decide, out_of_time: Stop, order: Order | None = None
) -> QueueAnswer:
    """In order of arrival (or *order*); holders of promises first where that would break one, or is too long to tell."""
    arrived = in_order_of_arrival(problem)
    jobs = arrived if order is None else order(problem, arrived)
    answer = decide(problem, jobs)
    promises = Promises(problem)
    if not promises.holders:
        return answer
    try:
        starts = project(problem, answer.order, answer.start, promises, out_of_time)
        kept = promises.first_broken(starts) is None
    except OutOfTimeError:
        kept = False
    if kept:
        return answer
    return decide(problem, [*promises.holders, *(job for job in jobs if job.id not in promises.due)])


def _answer(order: Sequence[Job], starts: dict[str, float]) -> QueueAnswer:
    start = list(starts)
    return QueueAnswer(start=start, order=[*start, *(job.id for job in order if job.id not in starts)])

"""The state of one replay as columns: arrays under numba, plain lists without it (those are faster to index)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from host.solvers.batch.rules import CORRECTIONS_S, Rules
from host.solvers.compiling import COMPILED

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEVER = -1.0

# Places in `State.at`, the few numbers that change.
NEXT, HEAP, RUNNING, QUEUE, SEQUENCE, ENDED, ASKING, ANSWERED, PLANNING = range(9)
# Places in `State.rule`, those that do not change within a step.
PROCS, PREDICTOR, SHORTEST_FIRST, REPLAN_ALWAYS, IS_SHADOW, ORDER_ASKED = range(6)


@dataclass(frozen=True)
class JobColumns:
    """Jobs in order of submission, one row each; times in seconds. A job that needs more than the machine is no job.

    Attributes:
        user: Any number that is the user's.
    """

    submit: Floats
    run: Floats
    procs: Ints
    requested: Floats
    user: Ints

    def __len__(self) -> int:
        return len(self.submit)

    @classmethod
    def of(
        cls,
        submit: Sequence[float],
        run: Sequence[float],
        procs: Sequence[int],
        requested: Sequence[float],
        users: Sequence[object],
    ) -> JobColumns:
        """From rows of any kind; users are numbered in order of first sight."""
        numbers: dict[object, int] = {}
        return cls(
            np.array(submit, dtype=np.float64),
            np.array(run, dtype=np.float64),
            np.array(procs, dtype=np.int64),
            np.array(requested, dtype=np.float64),
            np.array([numbers.setdefault(user, len(numbers)) for user in users], dtype=np.int64),
        )


class State(NamedTuple):
    """Everything a step reads and writes.

    Fields:
        predicted: What is planned with; `first` is what was predicted at submission, `corrected` how often since.
        priority: Higher goes first; of equals the earlier submitted.
        start: `NEVER` before.
        known_end: When each job ended, `NEVER` before.
        beside, beside_end: For a shadow: starts and ends in the run beside it.
        last, before: Run times of each user's last finished job and the one before.
        heap_*: Coming events by (time, kind, sequence).
        running_end, running: Predicted ends and jobs, the earliest first.
        queue: Waiting jobs by priority; `by_length` the same by predicted run time.
        fresh: Room for the jobs that one step starts.
        ended: Jobs in the order in which they ended.
        clock: Of the planning that waits for an order; one number.
    """

    submit: Any
    run: Any
    procs: Any
    requested: Any
    user: Any
    predicted: Any
    first: Any
    corrected: Any
    priority: Any
    start: Any
    known_end: Any
    beside: Any
    beside_end: Any
    last: Any
    before: Any
    heap_time: Any
    heap_kind: Any
    heap_sequence: Any
    heap_job: Any
    running_end: Any
    running: Any
    queue: Any
    by_length: Any
    fresh: Any
    ended: Any
    corrections: Any
    clock: Any
    at: Any
    rule: Any


def new_state(jobs: JobColumns, procs: int, rules: Rules, *, beside: State | None = None) -> State:
    """Before the first job.

    Args:
        beside: Makes it a shadow of that run: run times are not those of the jobs but what is set from outside, and may
            change while a job runs.
    """
    count = len(jobs)
    users = int(jobs.user.max()) + 1 if count else 0
    # Of coming events: an end and an outlived prediction each; in a shadow an end that was expected and one that is known.
    room = 3 * count + 16

    def floats(size: int, value: float = 0.0) -> Any:
        return np.full(size, value, dtype=np.float64)

    def ints(size: int) -> Any:
        return np.zeros(size, dtype=np.int64)

    rule = ints(6)
    rule[PROCS], rule[PREDICTOR] = procs, int(rules.predictor)
    rule[SHORTEST_FIRST], rule[REPLAN_ALWAYS] = rules.shortest_first, rules.replan_always
    rule[IS_SHADOW], rule[ORDER_ASKED] = beside is not None, rules.order_asked
    at = ints(9)
    at[ASKING] = -1
    state = State(
        jobs.submit, jobs.run if beside is None else jobs.requested.copy(), jobs.procs, jobs.requested, jobs.user,
        floats(count), floats(count), ints(count), floats(count), floats(count, NEVER),
        floats(count, NEVER), floats(0) if beside is None else beside.start,
        floats(0) if beside is None else beside.known_end,
        floats(users, NEVER), floats(users, NEVER),
        floats(room), ints(room), ints(room), ints(room),
        floats(count + 1), ints(count + 1), ints(count + 1), ints(count + 1), ints(count + 1), ints(count + 1),
        np.array(CORRECTIONS_S, dtype=np.float64), floats(1), at, rule,
    )  # fmt: skip
    if COMPILED:
        return state
    return State(*(column if isinstance(column, list) else column.tolist() for column in state))

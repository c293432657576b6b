"""The loop of a replay: takes the next event, and plans when that can change something.

Theory of operation. Within one second events are taken in the order: predictions outlived, submissions, ends, starts.
Planning believes predictions: a running job's processors count as free from its predicted end on, so a job submitted
in the very second may get them before the end itself is taken. A job that outlives its prediction is given more time
(`rules.CORRECTIONS_S`), which replans nothing. Planning starts the queue's first jobs while they fit; the next one is
promised its shadow time, and others go ahead of it that end by then or leave enough.

These details are those of the simulator behind Gaussier et al. (2015); with them all published start times come out.
In the form that numba compiles: columns, indices and nothing else.
"""

from __future__ import annotations

import math
from typing import Any

from host.solvers.batch.heap import drop_first, push
from host.solvers.batch.state import (
    ANSWERED,
    ASKING,
    ENDED,
    HEAP,
    IS_SHADOW,
    NEXT,
    ORDER_ASKED,
    PLANNING,
    PREDICTOR,
    PROCS,
    QUEUE,
    REPLAN_ALWAYS,
    RUNNING,
    SHORTEST_FIRST,
)
from host.solvers.compiling import compiled

OUTLIVED, SUBMITTED, FINISHED, STARTED = 0, 1, 2, 3  # kinds of events, in their order within a second
DONE, ASK, PAUSED, ORDER = 0, 1, 2, 3  # why `advance` returned


@compiled
def insert_running(state: Any, job: int) -> None:
    """Puts a started job among the running ones, by its predicted end."""
    end = state.start[job] + state.predicted[job]
    place = state.at[RUNNING]
    while place > 0 and state.running_end[place - 1] > end:
        state.running_end[place] = state.running_end[place - 1]
        state.running[place] = state.running[place - 1]
        place -= 1
    state.running_end[place] = end
    state.running[place] = job
    state.at[RUNNING] += 1


@compiled
def _remove_running(state: Any, job: int) -> None:
    place = 0
    while state.running[place] != job:
        place += 1
    count = state.at[RUNNING] - 1
    while place < count:
        state.running_end[place] = state.running_end[place + 1]
        state.running[place] = state.running[place + 1]
        place += 1
    state.at[RUNNING] = count


@compiled
def insert_waiting(state: Any, job: int) -> None:
    """Puts a job into the queue behind all that go before it."""
    count = state.at[QUEUE]
    place = count
    while place > 0 and state.priority[state.queue[place - 1]] < state.priority[job]:
        state.queue[place] = state.queue[place - 1]
        place -= 1
    state.queue[place] = job
    place = count
    while place > 0 and state.predicted[state.by_length[place - 1]] > state.predicted[job]:
        state.by_length[place] = state.by_length[place - 1]
        place -= 1
    state.by_length[place] = job
    state.at[QUEUE] = count + 1


@compiled
def _free(state: Any, now: float) -> int:
    free = state.rule[PROCS]
    for place in range(state.at[RUNNING] - 1, -1, -1):
        if state.running_end[place] <= now:
            break
        free -= state.procs[state.running[place]]
    return int(free)


@compiled
def _begin(state: Any, job: int, now: float, count: int) -> int:
    state.start[job] = now
    state.fresh[count] = job
    insert_running(state, job)
    return count + 1


@compiled
def _backfill(state: Any, head: int, free: int, now: float, fresh: int) -> int:
    needed = state.procs[head]
    reach = free
    shadow = now
    place = 0
    while place < state.at[RUNNING] and state.running_end[place] <= now:
        place += 1
    while reach < needed:
        reach += state.procs[state.running[place]]
        shadow = state.running_end[place]
        place += 1
    while place < state.at[RUNNING] and state.running_end[place] <= shadow:
        reach += state.procs[state.running[place]]
        place += 1
    extra = reach - needed
    order = state.by_length if state.rule[SHORTEST_FIRST] else state.queue
    for place in range(state.at[QUEUE]):
        if free == 0:
            break
        job = order[place]
        if job == head or state.start[job] >= 0 or state.procs[job] > free:
            continue
        in_time = now + state.predicted[job] <= shadow
        if not in_time and state.procs[job] > extra:
            continue
        if not in_time:
            extra -= state.procs[job]
        free -= state.procs[job]
        fresh = _begin(state, job, now, fresh)
    return fresh


@compiled
def plan(state: Any, now: float) -> None:
    """Starts what may start now."""
    waiting = state.at[QUEUE]
    if waiting == 0:
        return
    free = _free(state, now)
    fresh = 0
    turn = 0
    while turn < waiting and state.procs[state.queue[turn]] <= free:
        free -= state.procs[state.queue[turn]]
        fresh = _begin(state, state.queue[turn], now, fresh)
        turn += 1
    if waiting - turn > 1 and free > 0:
        fresh = _backfill(state, state.queue[turn], free, now, fresh)
    if fresh == 0:
        return
    kept = 0
    for place in range(waiting):
        if state.start[state.queue[place]] < 0:
            state.queue[kept] = state.queue[place]
            kept += 1
    kept = 0
    for place in range(waiting):
        if state.start[state.by_length[place]] < 0:
            state.by_length[kept] = state.by_length[place]
            kept += 1
    state.at[QUEUE] = kept
    for place in range(fresh):
        push(state, now, STARTED, state.fresh[place])


@compiled
def _submit(state: Any, job: int) -> bool:
    now = state.submit[job]
    predictor = state.rule[PREDICTOR]
    user = state.user[job]
    if predictor == 0:
        state.predicted[job] = state.requested[job]
    elif predictor == 1:
        state.predicted[job] = state.run[job]
    elif predictor == 2:
        state.predicted[job] = state.requested[job]
        if state.before[user] >= 0:
            mean = math.floor((state.last[user] + state.before[user]) / 2)
            state.predicted[job] = min(state.requested[job], float(mean))
    state.first[job] = state.predicted[job]
    insert_waiting(state, job)
    return bool(state.rule[REPLAN_ALWAYS] or _free(state, now) >= state.procs[job])


@compiled
def _outlived(state: Any, job: int, now: float) -> None:
    if state.start[job] + state.predicted[job] != now or state.known_end[job] >= 0:
        return  # it has ended, or was given another prediction since
    _remove_running(state, job)
    step = min(state.corrected[job], len(state.corrections) - 1)
    state.corrected[job] += 1
    more = state.first[job] + state.corrections[step]
    # Past the last step, and past the request where a job may outlive that: double what it has had.
    if more <= state.predicted[job]:
        more = 2 * state.predicted[job] + 1
    if state.predicted[job] < state.requested[job]:
        more = min(more, state.requested[job])
    state.predicted[job] = more
    insert_running(state, job)
    if more < state.run[job]:
        push(state, state.start[job] + more, OUTLIVED, job)


@compiled
def _finish(state: Any, job: int, now: float) -> None:
    _remove_running(state, job)
    state.known_end[job] = now
    user = state.user[job]
    state.before[user] = state.last[user]
    state.last[user] = state.run[job]
    state.ended[state.at[ENDED]] = job
    state.at[ENDED] += 1


@compiled
def _still_runs(state: Any, job: int, now: float) -> bool:
    """Whether the end of a job in a shadow is not one: it has ended before, or is known by now to run for longer."""
    if state.known_end[job] >= 0:
        return True
    beside = state.beside[job]
    if state.beside_end[job] < 0 and 0 <= beside <= now - state.run[job]:
        # It has run for longer than was expected in the run beside, and runs on there: when it ends is heard of.
        state.run[job] = min(2 * (now - beside) + 1, max(state.requested[job], state.run[job]))
    end = state.start[job] + state.run[job]
    if end > now:
        push(state, end, FINISHED, job)
        return True
    return False


@compiled
def _order_matters(state: Any, now: float) -> bool:
    if not state.rule[ORDER_ASKED] or state.at[QUEUE] < 2:
        return False
    free = _free(state, now)
    for place in range(state.at[QUEUE]):  # noqa: SIM110  # numba compiles no generator expressions
        if state.procs[state.queue[place]] <= free:
            return True
    return False


@compiled
def advance(state: Any, until: float) -> int:
    """Goes on until all is done, somebody must be asked, or the next event lies after *until*.

    Returns:
        DONE; ASK: job `at[ASKING]` was submitted, set its `predicted` and go on; ORDER: jobs may start at `clock[0]`,
        order the queue and go on; PAUSED.
    """
    if state.at[PLANNING]:
        state.at[PLANNING] = 0
        plan(state, state.clock[0])
    jobs = len(state.submit)
    while state.at[NEXT] < jobs or state.at[HEAP] > 0:
        coming = state.at[NEXT] < jobs
        if coming and state.at[HEAP] > 0:
            submit = state.submit[state.at[NEXT]]
            coming = submit < state.heap_time[0] or (
                submit == state.heap_time[0] and state.heap_kind[0] > SUBMITTED
            )
        if coming:
            job = state.at[NEXT]
            if state.submit[job] > until:
                return PAUSED
            if state.rule[PREDICTOR] == 3 and state.at[ANSWERED] <= job:
                state.at[ASKING] = job
                state.at[ANSWERED] = job + 1
                return ASK
            state.at[NEXT] = job + 1
            now = state.submit[job]
            if _submit(state, job):
                if _order_matters(state, now):
                    state.clock[0] = now
                    state.at[PLANNING] = 1
                    return ORDER
                plan(state, now)
            continue
        now = state.heap_time[0]
        if now > until:
            return PAUSED
        kind = state.heap_kind[0]
        job = state.heap_job[0]
        drop_first(state)
        if kind == OUTLIVED:
            _outlived(state, job, now)
        elif kind == STARTED:
            push(state, now + state.run[job], FINISHED, job)
            if state.predicted[job] < state.run[job]:
                push(state, now + state.predicted[job], OUTLIVED, job)
        elif not (state.rule[IS_SHADOW] and _still_runs(state, job, now)):
            _finish(state, job, now)
            if _order_matters(state, now):
                state.clock[0] = now
                state.at[PLANNING] = 1
                return ORDER
            plan(state, now)
    return DONE

"""The coming events of a replay: a binary heap over columns, in the form that numba compiles."""

from __future__ import annotations

from typing import Any

from host.solvers.batch.state import HEAP, SEQUENCE
from host.solvers.compiling import compiled


@compiled
def _before(state: Any, one: int, other: int) -> bool:
    if state.heap_time[one] != state.heap_time[other]:
        return bool(state.heap_time[one] < state.heap_time[other])
    if state.heap_kind[one] != state.heap_kind[other]:
        return bool(state.heap_kind[one] < state.heap_kind[other])
    return bool(state.heap_sequence[one] < state.heap_sequence[other])


@compiled
def _swap(state: Any, one: int, other: int) -> None:
    state.heap_time[one], state.heap_time[other] = state.heap_time[other], state.heap_time[one]
    state.heap_kind[one], state.heap_kind[other] = state.heap_kind[other], state.heap_kind[one]
    state.heap_sequence[one], state.heap_sequence[other] = (
        state.heap_sequence[other],
        state.heap_sequence[one],
    )
    state.heap_job[one], state.heap_job[other] = state.heap_job[other], state.heap_job[one]


@compiled
def push(state: Any, time: float, kind: int, job: int) -> None:
    """Adds an event; of equal time and kind, the one added first comes first."""
    place = state.at[HEAP]
    state.at[HEAP] = place + 1
    state.at[SEQUENCE] += 1
    state.heap_time[place] = time
    state.heap_kind[place] = kind
    state.heap_sequence[place] = state.at[SEQUENCE]
    state.heap_job[place] = job
    while place > 0:
        above = (place - 1) // 2
        if not _before(state, place, above):
            break
        _swap(state, place, above)
        place = above


@compiled
def drop_first(state: Any) -> None:
    """Takes the first event, at place 0, away."""
    count = state.at[HEAP] - 1
    state.at[HEAP] = count
    _swap(state, 0, count)
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and _before(state, below + 1, below):
            below += 1
        if not _before(state, below, place):
            break
        _swap(state, below, place)
        place = below

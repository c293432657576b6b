"""The same jobs without plugins: the built-in decides everything, in virtual time, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.demo.cluster import Started, Timeline
from host.traces.job import TraceJob
from plugin_sdk.contract.problems.queue import QueueAnswer, QueueProblem

Decide = Callable[[QueueProblem], QueueAnswer]


def play_alone(jobs: Sequence[TraceJob], procs: int, decide: Decide) -> list[Started]:
    """All jobs, as *decide* starts them."""
    timeline = Timeline(jobs, procs)
    play_out(timeline, decide)
    return timeline.done


def play_out(timeline: Timeline, decide: Decide) -> None:
    """Plays a timeline to its end from where it stands."""
    while True:
        if timeline.needs_decision:
            timeline.start(decide(timeline.problem()).start)
        if timeline.is_stuck:
            start_head(timeline)
        if timeline.advance() is None:
            return


def start_head(timeline: Timeline) -> None:
    """Starts the job that waits longest, when no decision would and nothing else can happen."""
    timeline.start([next(iter(timeline.waiting))])

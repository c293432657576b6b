"""The replayed machine: virtual time, processors that add up, and no feasible start refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.demo.cluster import QUEUE_WINDOW, Started, Timeline, mean_bounded_slowdown
from host.demo.shadow import play_alone
from host.solvers.queue import easy
from host.traces.job import TraceJob
from plugin_sdk.contract.problems.queue import QueueAnswer, QueueProblem


def job(
    ident: str, submit: float = 0.0, run: float = 10.0, procs: int = 1, asked: float | None = None
) -> TraceJob:
    return TraceJob(ident, submit, run, procs, asked or run, "u1")


def test_time_goes_from_one_arrival_or_end_to_the_next():
    timeline = Timeline([job("a", 0, 5), job("b", 3, 5), job("c", 5, 5)], 4)
    seen = []
    while (moment := timeline.advance()) is not None:
        seen.append(
            (moment.now_ms, [each.id for each in moment.arrived], [each.job.id for each in moment.ended])
        )
        timeline.start(list(timeline.waiting))
    assert seen == [
        (0, ["a"], []),
        (3000, ["b"], []),
        (5000, ["c"], ["a"]),
        (8000, [], ["b"]),
        (10000, [], ["c"]),
    ]


def test_a_job_that_runs_longer_than_requested_is_cut():
    started = Started(job("a", 0, run=100, asked=60), 0.0, None)
    assert started.end_ms == 60_000


def test_starting_more_than_fits_or_what_does_not_wait_is_refused():
    timeline = Timeline([job("a", procs=3), job("b", procs=2)], 4)
    timeline.advance()
    timeline.start(["a"])
    with pytest.raises(ValueError, match="2 processors with 1 free"):
        timeline.start(["b"])
    with pytest.raises(ValueError, match="does not wait"):
        timeline.start(["a"])


def test_a_decision_is_needed_only_when_something_fits():
    timeline = Timeline([job("a", 0, procs=4), job("b", 1, procs=1)], 4)
    timeline.advance()
    assert timeline.needs_decision
    timeline.start(["a"])
    timeline.advance()
    assert not timeline.needs_decision


def test_a_closed_timeline_takes_no_more_jobs_and_plays_out_those_it_has():
    timeline = Timeline([job("a", 0), job("b", 100)], 1)
    timeline.advance()
    timeline.close()
    timeline.start(["a"])
    while timeline.advance() is not None:
        pass
    assert [each.job.id for each in timeline.done] == ["a"]
    assert timeline.admitted == 1


def test_a_question_shows_the_longest_waiting_jobs_only():
    timeline = Timeline([job(str(number)) for number in range(QUEUE_WINDOW + 50)], 4)
    timeline.advance()
    assert [each.id for each in timeline.problem().jobs] == [str(number) for number in range(QUEUE_WINDOW)]


def test_bounded_slowdown_has_a_floor_of_ten_seconds_and_of_one():
    assert Started(job("a", 0, run=1), 0.0, None).bounded_slowdown == 1.0
    assert Started(job("a", 0, run=1), 99_000.0, None).bounded_slowdown == pytest.approx(10.0)
    assert Started(job("a", 0, run=50), 50_000.0, None).bounded_slowdown == pytest.approx(2.0)
    assert mean_bounded_slowdown([]) == 1.0


def test_a_decider_that_starts_nothing_cannot_stop_the_machine_for_good():
    def lazy(problem: QueueProblem) -> QueueAnswer:
        return QueueAnswer(start=[], order=[each.id for each in problem.jobs])

    assert len(play_alone([job("a"), job("b"), job("c")], 2, lazy)) == 3


jobs_lists = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 30), st.integers(1, 8), st.integers(1, 40)),
    min_size=1,
    max_size=25,
)


@given(jobs_lists)
def test_every_job_runs_once_after_it_came_and_never_on_more_processors_than_there_are(rows):
    jobs = [job(str(at), *row) for at, row in enumerate(sorted(rows))]
    done = play_alone(jobs, 8, easy)
    assert sorted(each.job.id for each in done) == sorted(each.id for each in jobs)
    assert all(each.start_ms >= each.job.submit_s * 1000 for each in done)
    for instant in {each.start_ms for each in done}:
        assert sum(each.job.procs for each in done if each.start_ms <= instant < each.end_ms) <= 8

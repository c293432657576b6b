"""The knobs' objective is a real one: settings differ, and starts are feasible."""

from __future__ import annotations

from host.demo.cluster import Timeline
from host.demo.knob import DEFAULT, QueuePolicy, worth
from host.demo.shadow import play_alone
from host.demo.source import busiest
from host.solvers.queue import easy
from host.traces.job import TraceJob
from host.traces.lublin import lublin_trace


def test_settings_of_the_knobs_differ_in_what_they_are_worth():
    trace = busiest(lublin_trace(800, seed=1), 400)
    values = {
        worth({"ageWeight": weight, "sizeExponent": exponent}, trace.jobs, trace.procs)
        for weight in (0.01, 1000.0)
        for exponent in (0.0, 1.0)
    }
    assert len(values) >= 3
    assert worth(DEFAULT, trace.jobs, trace.procs) == worth(DEFAULT, trace.jobs, trace.procs)


def test_nobody_goes_ahead_who_would_delay_the_first_that_waits():
    timeline = Timeline(
        [
            TraceJob("running", 0, 100, 6, 100, "u"),
            TraceJob("head", 1, 50, 8, 50, "u"),
            TraceJob("long", 2, 500, 2, 500, "u"),
            TraceJob("short", 3, 90, 2, 90, "u"),
        ],
        8,
    )
    timeline.advance()
    timeline.start(["running"])
    for _ in range(3):
        timeline.advance()
    by_age = QueuePolicy(age_weight=1e9, size_exponent=0.0)
    assert by_age.decide(timeline.problem()).start == ["short"]


def test_a_large_age_weight_is_easy_backfilling():
    trace = lublin_trace(300, seed=2)
    policy = QueuePolicy(age_weight=1e12, size_exponent=0.0)
    ours = {each.job.id: each.start_ms for each in play_alone(trace.jobs, trace.procs, policy.decide)}
    builtin = {each.job.id: each.start_ms for each in play_alone(trace.jobs, trace.procs, easy)}
    assert ours == builtin

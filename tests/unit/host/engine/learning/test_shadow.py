"""EASY played over finished jobs: as by hand, and as a machine that starts each when it fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.engine.learning.shadow import Finished, bounded_slowdown, easy_slowdowns
from plugin_sdk.contract.problems.queue import Job


def finished(name, submit, procs, requested, ran, started=0.0):
    return Finished(Job(name, submit, procs, requested), started, ran)


def test_a_short_job_fills_the_hole_and_the_wide_one_starts_when_the_first_has_ended():
    jobs = [
        finished("first", 0, 3, 100_000, 60_000),
        finished("wide", 1_000, 4, 100_000, 50_000),
        finished("short", 2_000, 1, 90_000, 20_000),
        finished("long", 2_000, 1, 900_000, 20_000),
    ]
    found = easy_slowdowns(jobs, 4)
    assert found["first"] == 1.0
    assert found["short"] == 1.0  # ends before the wide one is promised its start
    assert found["wide"] == bounded_slowdown(59_000, 50_000)
    assert found["long"] == bounded_slowdown(60_000 + 50_000 - 2_000, 20_000)


def test_what_ran_before_keeps_its_processors():
    before = [finished("old", 0, 4, 90_000, 50_000, started=0.0)]
    found = easy_slowdowns([finished("new", 10_000, 1, 10_000, 10_000)], 4, before)
    assert found == {"new": bounded_slowdown(40_000, 10_000)}


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 4), st.integers(0, 30), st.integers(0, 30)), max_size=12
    )
)
def test_every_job_has_its_slowdown_and_on_a_wide_machine_nobody_waits(rows):
    jobs = [
        finished(f"j{n}", submit * 1e3, procs, (ran + more) * 1e3, ran * 1e3)
        for n, (submit, procs, ran, more) in enumerate(rows)
    ]
    found = easy_slowdowns(jobs, 4)
    assert found.keys() == {each.job.id for each in jobs}
    assert all(each >= 1.0 for each in found.values())
    assert set(easy_slowdowns(jobs, 4 * len(jobs) or 1).values()) <= {1.0}

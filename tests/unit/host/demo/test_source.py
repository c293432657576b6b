"""Where the jobs are from, and that it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.demo.options import DemoOptions
from host.demo.source import busiest, choose
from host.errors import ConfigError
from host.traces.job import Trace, TraceJob


def test_without_a_file_the_workload_is_generated_and_says_so():
    trace = choose(DemoOptions(jobs=50, seed=9))
    assert len(trace.jobs) == 50
    assert "Lublin and Feitelson (2003), seed 9" in trace.source


def test_of_a_log_the_busiest_stretch_is_replayed_and_named():
    idle = [TraceJob(f"i{at}", at * 1000.0, 10, 1, 10, "u") for at in range(40)]
    busy = [TraceJob(f"b{at}", 40_000.0 + at, 10, 4, 10, "u") for at in range(20)]
    trace = busiest(Trace("t", 4, idle + busy, "here", "a log"), 20)
    assert [job.id for job in trace.jobs] == [job.id for job in busy]
    assert "jobs 41 to 60" in trace.description


def test_a_log_with_fewer_jobs_is_replayed_whole():
    trace = Trace("t", 4, [TraceJob("a", 0, 1, 1, 1, "u")], "here", "a log")
    assert busiest(trace, 20) is trace


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (DemoOptions(jobs=0), "--jobs is 0"),
        (DemoOptions(seconds=0.0), "--seconds is 0"),
        (DemoOptions(seconds=float("nan")), "--seconds is nan"),
        (DemoOptions(plugins=Path("/nowhere/at/all")), "--plugins is /nowhere/at/all"),
    ],
)
def test_options_out_of_range_are_named(options: DemoOptions, says: str):
    with pytest.raises(ConfigError, match=says):
        options.check()

"""How an end is reported."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.process.exits import report_exit


def report(status, **more):
    return report_exit(status, at_ms=5.0, lived_s=1.25, peak_rss_bytes=10, cpu_s=0.5, **more)


@pytest.mark.parametrize(
    ("status", "cause", "code", "name", "summary"),
    [
        (0, "exit", 0, None, "it exited with code 0 after 1.2 s"),
        (3 << 8, "exit", 3, None, "it exited with code 3 after 1.2 s"),
        (126 << 8, "notConfined", 126, None, "it could not be confined, so it was not run after 1.2 s"),
        (signal.SIGSEGV, "signal", None, "SIGSEGV", "it was killed by SIGSEGV after 1.2 s"),
        (signal.SIGABRT | 0x80, "signal", None, "SIGABRT", "it was killed by SIGABRT after 1.2 s"),
        (40, "signal", None, "signal 40", "it was killed by signal 40 after 1.2 s"),
    ],
)
def test_what_the_kernel_says_is_reported_as_certain(status, cause, code, name, summary):
    seen = report(status)
    assert (seen.cause, seen.exit_code, seen.signal, seen.summary) == (cause, code, name, summary)


def test_what_the_host_ordered_comes_before_how_the_kernel_saw_it():
    seen = report(signal.SIGKILL, ordered="memory", why="it held too much")
    assert (seen.cause, seen.signal) == ("memory", "SIGKILL")
    assert seen.summary == "it held too much after 1.2 s"
    assert report(0, ordered="stopped").summary == "the host ended it (stopped) after 1.2 s"


@given(st.integers(0, 255), st.floats(0, 1e6), st.sampled_from([None, "stopped", "timeout", "protocol"]))
def test_every_exit_code_has_a_report_that_keeps_it(code, lived_s, ordered):
    seen = report_exit(
        code << 8, at_ms=0.0, lived_s=lived_s, peak_rss_bytes=None, cpu_s=None, ordered=ordered
    )
    assert seen.exit_code == code
    assert seen.signal is None
    assert seen.cause == ordered or ordered is None

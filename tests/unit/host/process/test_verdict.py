"""Why a process ended, and how sure that is."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.process.exits import report_exit
from host.process.verdict import Evidence, judge

MIB = 2**20
CAP = 512 * MIB


def verdict(code=None, name=None, cpu_s=0.0, **evidence):
    return judge(code, name, cpu_s, Evidence(**evidence))


@pytest.mark.parametrize(
    ("case", "cause", "certainty", "words"),
    [
        # Memory.
        ({"name": "SIGKILL", "oom_kills": 1}, "memory", "certain", "the kernel killed it for memory"),
        ({"name": "SIGKILL", "killed_at_bytes": CAP}, "memory", "certain", "the host killed it for memory"),
        (
            {"name": "SIGKILL", "killed_at_tasks": 70, "tasks_cap": 64},
            "tasks",
            "certain",
            "it had 70 threads, its cap is 64",
        ),
        ({"code": 1, "oom_kills": 2}, "memory", "probable", "code 1 after the kernel had killed 2 processes"),
        (
            {"name": "SIGABRT", "oom_kills": 1},
            "memory",
            "probable",
            "SIGABRT after the kernel had killed a proc",
        ),
        ({"code": 1, "memory_error": True}, "memory", "certain", "having said that memory ran out"),
        (
            {"name": "SIGKILL", "memory_cap_bytes": CAP, "memory_peak_bytes": 500 * MIB},
            "memory",
            "probable",
            "it was killed by SIGKILL, probably for memory: it held up to 500.0 MiB, its cap is 512.0 MiB",
        ),
        (
            {"name": "SIGSEGV", "memory_cap_bytes": CAP, "memory_peak_bytes": CAP},
            "memory",
            "probable",
            "SIGSEGV, probably",
        ),
        # Not memory.
        (
            {"name": "SIGSEGV", "memory_cap_bytes": CAP, "memory_peak_bytes": 9 * MIB},
            "signal",
            "certain",
            "it was killed by SIGSEGV",
        ),
        (
            {"name": "SIGTERM", "memory_cap_bytes": CAP, "memory_peak_bytes": CAP},
            "signal",
            "certain",
            "it was killed by SIGTERM",
        ),
        (
            {"code": 1, "memory_cap_bytes": CAP, "memory_peak_bytes": CAP},
            "exit",
            "certain",
            "it exited with code 1",
        ),
        ({"code": 0, "oom_kills": 1}, "exit", "certain", "it exited with code 0"),
        ({"name": "SIGKILL"}, "signal", "certain", "it was killed by SIGKILL, which this host did not send"),
        # Processor time.
        ({"name": "SIGXCPU", "cpu_s": 30.0}, "cpu", "certain", "after use of 30.0 s"),
        (
            {"name": "SIGKILL", "cpu_s": 31.0, "cpu_cap_s": 30.0},
            "cpu",
            "probable",
            "31.0 s used, its cap is 30.0 s",
        ),
        ({"name": "SIGKILL", "cpu_s": 29.0, "cpu_cap_s": 30.0}, "signal", "certain", "did not send"),
        # System calls.
        ({"name": "SIGSYS", "syscall": "ptrace"}, "seccomp", "certain", "a forbidden system call: ptrace"),
        ({"name": "SIGSYS"}, "seccomp", "certain", "one of a foreign kind"),
        # The launcher.
        ({"code": 126}, "notConfined", "certain", "it could not be confined"),
    ],
)
def test_each_end_has_its_cause_and_its_certainty(case, cause, certainty, words):
    seen = verdict(**case)
    assert (seen.cause, seen.certainty) == (cause, certainty)
    assert words in seen.clause


def test_the_report_carries_the_evidence():
    known = Evidence(memory_cap_bytes=CAP, memory_peak_bytes=CAP, oom_kills=1, syscall="bpf")
    seen = report_exit(signal.SIGKILL, at_ms=1.0, lived_s=2.0, peak_rss_bytes=7, cpu_s=0.1, evidence=known)
    assert (seen.cause, seen.certainty, seen.signal) == ("memory", "certain", "SIGKILL")
    assert (seen.memory_cap_bytes, seen.memory_peak_bytes, seen.syscall) == (CAP, CAP, "bpf")
    assert seen.summary == (
        "the kernel killed it for memory: it held up to 512.0 MiB, its cap is 512.0 MiB after 2.0 s"
    )


def test_what_the_host_ordered_is_certain_whatever_the_evidence():
    known = Evidence(oom_kills=1)
    seen = report_exit(
        9, at_ms=0, lived_s=0, peak_rss_bytes=None, cpu_s=None, ordered="stopped", why="asked", evidence=known
    )
    assert (seen.cause, seen.certainty) == ("stopped", "certain")


AMOUNT = st.none() | st.integers(0, 2**40)


@given(
    st.one_of(
        st.tuples(st.integers(0, 255), st.none()),
        st.tuples(st.none(), st.sampled_from([name.name for name in signal.Signals])),
    ),
    st.builds(
        Evidence,
        memory_cap_bytes=AMOUNT,
        memory_peak_bytes=AMOUNT,
        oom_kills=st.integers(0, 3),
        killed_at_bytes=AMOUNT,
        memory_error=st.booleans(),
        cpu_cap_s=st.none() | st.floats(0, 1e3),
    ),
    st.none() | st.floats(0, 1e3),
)
def test_a_guess_is_never_called_certain(end, known, cpu_s):
    seen = judge(*end, cpu_s, known)
    proof = known.killed_at_bytes is not None or known.oom_kills or known.memory_error
    if seen.cause == "memory" and not proof:
        assert seen.certainty == "probable"
    if seen.cause == "cpu" and end[1] != "SIGXCPU":
        assert seen.certainty == "probable"
    assert seen.clause

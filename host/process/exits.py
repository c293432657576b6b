"""How a process ended, as a record: what is certain is said as certain, the rest as probable."""

from __future__ import annotations

import os

import msgspec

from host.process.verdict import Cause, Certainty, Evidence, judge, signal_name

__all__ = ["Cause", "Certainty", "Evidence", "ExitReport", "report_exit"]


class ExitReport(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One end.

    Fields:
        cause: `stopped`, `timeout`, `protocol` and `attestation` are the host's own doing: it was told to, or saw a
            hang, a breach of the protocol, or a process that is not confined as ordered. `memory`, `tasks`, `cpu` and
            `seccomp`: a limit ended it. `exit` and `signal`: it ended by itself, or by somebody else's hand.
        summary: One sentence for people.
        certainty: Whether *cause* is proven, or the likeliest reading.
        peak_rss_bytes, cpu_s: Of the process and the children it waited for.
        memory_peak_bytes: The most that the process and all its children held at one time, as their group or the
            watchdog counted it; `None` when neither did.
        memory_cap_bytes: What they might hold.
        syscall: The forbidden system call it made last.
    """

    cause: Cause
    summary: str
    at_ms: float
    lived_s: float
    exit_code: int | None = None
    signal: str | None = None
    peak_rss_bytes: int | None = None
    cpu_s: float | None = None
    certainty: Certainty = "certain"
    memory_peak_bytes: int | None = None
    memory_cap_bytes: int | None = None
    syscall: str | None = None


def report_exit(
    status: int,
    *,
    at_ms: float,
    lived_s: float,
    peak_rss_bytes: int | None,
    cpu_s: float | None,
    ordered: Cause | None = None,
    why: str = "",
    evidence: Evidence | None = None,
) -> ExitReport:
    """The report for a wait status.

    Args:
        status: As `os.waitpid` gives it.
        ordered: Set when the host itself ended the process; *why* says the reason.
        evidence: What else is known: the group's account, the watchdog's, the seccomp listener's.
    """
    known = evidence or Evidence()
    status_code = os.waitstatus_to_exitcode(status)
    code = status_code if status_code >= 0 else None
    name = signal_name(-status_code) if status_code < 0 else None
    certainty: Certainty = "certain"
    cause: Cause
    if ordered is not None:
        cause, clause = ordered, why or f"the host ended it ({ordered})"
    else:
        cause, certainty, clause = judge(code, name, cpu_s, known)
    return ExitReport(
        cause=cause,
        summary=f"{clause} after {lived_s:.1f} s",
        at_ms=at_ms,
        lived_s=lived_s,
        exit_code=code,
        signal=name,
        peak_rss_bytes=peak_rss_bytes,
        cpu_s=cpu_s,
        certainty=certainty,
        memory_peak_bytes=known.memory_peak_bytes,
        memory_cap_bytes=known.memory_cap_bytes,
        syscall=known.syscall,
    )

"""How a process ended, as a record: what is certain is said as certain, the rest as probable."""

from __future__ import annotations

import os
import signal
from typing import Literal

import msgspec

Cause = Literal["exit", "signal", "stopped", "timeout", "protocol", "memory", "notConfined", "notStarted"]


class ExitReport(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """One end.

    Fields:
        cause: `stopped`, `timeout`, `protocol` and `memory` are the host's own doing: it was told to, or saw a hang,
            a breach of the protocol, or the cap passed. `exit` and `signal` are the kernel's word.
        summary: One sentence for people.
        peak_rss_bytes, cpu_s: Of the process and the children it waited for.
    """

    cause: Cause
    summary: str
    at_ms: float
    lived_s: float
    exit_code: int | None = None
    signal: str | None = None
    peak_rss_bytes: int | None = None
    cpu_s: float | None = None


def report_exit(
    status: int,
    *,
    at_ms: float,
    lived_s: float,
    peak_rss_bytes: int | None,
    cpu_s: float | None,
    ordered: Cause | None = None,
    why: str = "",
) -> ExitReport:
    """The report for a wait status.

    Args:
        status: As `os.waitpid` gives it.
        ordered: Set when the host itself ended the process; *why* says the reason.
    """
    code = os.waitstatus_to_exitcode(status)
    name = _signal_name(-code) if code < 0 else None
    cause: Cause
    if ordered is not None:
        cause, summary = ordered, why or f"the host ended it ({ordered})"
    elif name is not None:
        cause, summary = "signal", f"it was killed by {name}"
    elif code == 126:
        cause, summary = "notConfined", "it could not be confined, so it was not run"
    else:
        cause, summary = "exit", f"it exited with code {code}"
    return ExitReport(
        cause=cause,
        summary=f"{summary} after {lived_s:.1f} s",
        at_ms=at_ms,
        lived_s=lived_s,
        exit_code=code if code >= 0 else None,
        signal=name,
        peak_rss_bytes=peak_rss_bytes,
        cpu_s=cpu_s,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

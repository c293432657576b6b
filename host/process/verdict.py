"""Why a process ended, judged from its wait status and what else is known: certain where that is proof, else probable.

Certain are the host's own kill, the kernel's count of processes it killed in the group, SIGXCPU, SIGSYS, and the
process's own word that memory ran out. A bare SIGKILL proves nothing: anybody may have sent it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal, NamedTuple

Cause = Literal[
    "exit",
    "signal",
    "stopped",
    "timeout",
    "protocol",
    "memory",
    "tasks",
    "cpu",
    "seccomp",
    "attestation",
    "notConfined",
    "notStarted",
]
Certainty = Literal["certain", "probable"]

NEAR_THE_CAP = 0.9  # of the cap: a failed allocation is never counted, so the peak stays below it
_OUT_OF_MEMORY = (
    "SIGKILL",
    "SIGSEGV",
    "SIGABRT",
    "SIGBUS",
)  # how programs end that do not check malloc or mmap
NOT_CONFINED = 126


@dataclass(frozen=True)
class Evidence:
    """What the host knows besides the wait status.

    Attributes:
        memory_cap_bytes, memory_peak_bytes: The group's where there is one, else the watchdog's.
        oom_kills: Processes that the kernel killed in its group for memory.
        killed_at_bytes: What it held when the watchdog killed it; `None` when the watchdog did not.
        killed_at_tasks, tasks_cap: How many threads it had when the watchdog killed it for them, and might have.
        memory_error: It said itself, in band, that memory ran out.
        cpu_cap_s: RLIMIT_CPU.
        syscall: The name of the forbidden system call it made last, as the kernel reported it.
    """

    memory_cap_bytes: int | None = None
    memory_peak_bytes: int | None = None
    oom_kills: int = 0
    killed_at_bytes: int | None = None
    killed_at_tasks: int | None = None
    tasks_cap: int | None = None
    memory_error: bool = False
    cpu_cap_s: float | None = None
    syscall: str | None = None


class Verdict(NamedTuple):
    """The cause, how sure it is, and one clause for people."""

    cause: Cause
    certainty: Certainty
    clause: str


def judge(code: int | None, name: str | None, cpu_s: float | None, evidence: Evidence) -> Verdict:
    """Why a process ended that the host had not ordered to end.

    Args:
        code: Its exit code, or `None` when a signal ended it.
        name: The signal's name then.
        cpu_s: Processor time that it used, in seconds.
    """
    how = f"it was killed by {name}" if name is not None else f"it exited with code {code}"
    return (
        _for_holding(code, name, how, evidence)
        or _by_kernel(name, how, cpu_s, evidence)
        or _as_it_looks(code, name, how)
    )


def _for_holding(code: int | None, name: str | None, how: str, evidence: Evidence) -> Verdict | None:
    if evidence.killed_at_bytes is not None and name == "SIGKILL":
        held = mebibytes(evidence.killed_at_bytes)
        return Verdict("memory", "certain", f"the host killed it for memory: it held {held}{_cap(evidence)}")
    if evidence.killed_at_tasks is not None and name == "SIGKILL":
        had = f"it had {evidence.killed_at_tasks} threads, its cap is {evidence.tasks_cap}"
        return Verdict("tasks", "certain", f"the host killed it for its threads: {had}")
    if evidence.oom_kills and name == "SIGKILL":
        return Verdict("memory", "certain", f"the kernel killed it for memory: {_peak(evidence)}")
    if evidence.oom_kills and code != 0:
        # Version 1 of the groups kills one process only: here a child went first, and the leader followed.
        count = "a process" if evidence.oom_kills == 1 else f"{evidence.oom_kills} processes"
        clause = f"{how} after the kernel had killed {count} of it for memory: {_peak(evidence)}"
        return Verdict("memory", "probable", clause)
    if evidence.memory_error and code != 0:
        return Verdict("memory", "certain", f"{how}, having said that memory ran out: {_peak(evidence)}")
    cap, peak = evidence.memory_cap_bytes, evidence.memory_peak_bytes
    if name in _OUT_OF_MEMORY and cap is not None and peak is not None and peak >= NEAR_THE_CAP * cap:
        return Verdict("memory", "probable", f"{how}, probably for memory: {_peak(evidence)}")
    return None


def _by_kernel(name: str | None, how: str, cpu_s: float | None, evidence: Evidence) -> Verdict | None:
    cap = evidence.cpu_cap_s
    if name == "SIGXCPU":
        used = "" if cpu_s is None else f" of {cpu_s:.1f} s"
        return Verdict(
            "cpu", "certain", f"the kernel killed it at its limit of processor time, after use{used}"
        )
    if name == "SIGKILL" and cap is not None and cpu_s is not None and cpu_s >= cap:
        clause = f"{how}, probably for processor time: {cpu_s:.1f} s used, its cap is {cap:.1f} s"
        return Verdict("cpu", "probable", clause)
    if name == "SIGSYS":
        call = evidence.syscall or "one of a foreign kind"
        return Verdict("seccomp", "certain", f"the kernel killed it for a forbidden system call: {call}")
    return None


def _as_it_looks(code: int | None, name: str | None, how: str) -> Verdict:
    if code == NOT_CONFINED:
        return Verdict("notConfined", "certain", "it could not be confined, so it was not run")
    if name == "SIGKILL":
        how += ", which this host did not send"
    return Verdict("exit" if name is None else "signal", "certain", how)


def _peak(evidence: Evidence) -> str:
    peak = evidence.memory_peak_bytes
    return f"it held up to {'an unknown amount' if peak is None else mebibytes(peak)}{_cap(evidence)}"


def _cap(evidence: Evidence) -> str:
    cap = evidence.memory_cap_bytes
    return "" if cap is None else f", its cap is {mebibytes(cap)}"


def mebibytes(amount: int) -> str:
    """For people: 536870912 is '512.0 MiB'."""
    return f"{amount / 2**20:.1f} MiB"


def signal_name(number: int) -> str:
    """'SIGKILL' for 9; 'signal 40' for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

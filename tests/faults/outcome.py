"""How one attack ended, and what the kernel said of its process meanwhile."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.process.child import Child
from host.process.exits import ExitReport

from .attacks.everything import ATTACKS, BEGINS, success_mark


@dataclass
class Outcome:
    """How one attack ended.

    Attributes:
        variant: One of `WHOLE`, `BARE`, a single layer, or `free`: without any sandbox.
        began: It was performed.
        broken: It failed of itself, so that nothing is shown.
        succeeded: By its own account, or by that of the program it became.
        changes: What in the world was touched.
        cause, syscall: Of the end of its process, when it ended.
        held: From the kernel's account of it while it ran: fields of /proc/PID/status and the like.
    """

    attack: str
    variant: str
    began: bool = False
    broken: bool = False
    succeeded: bool = False
    detail: str = ""
    changes: list[str] = field(default_factory=list)
    cause: str = ""
    syscall: str = ""
    summary: str = ""
    peak_bytes: int | None = None
    held: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def won(self) -> bool:
        """Whether it got what it wanted. What it says itself does not count where only the world can show it."""
        return bool(self.changes) or (self.succeeded and ATTACKS[self.attack].judged == "inside")

    def take(self, answer: dict[str, Any]) -> None:
        """What the attack said of itself."""
        self.succeeded, self.detail = answer["succeeded"], answer["detail"]
        self.broken = answer.get("broken", False)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def held(child: Child) -> dict[str, Any]:
    """What the kernel says a child is held by."""
    try:
        text = Path(f"/proc/{child.pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}  # it has ended, and its report is on the way
    status = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
    found: dict[str, Any] = {
        name: status.get(name, "") for name in ("Seccomp", "NoNewPrivs", "CapEff", "CapBnd", "NSpid", "Uid")
    }
    for name in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup"):
        with contextlib.suppress(OSError):
            theirs, ours = (Path(f"/proc/{pid}/ns/{name}").readlink() for pid in (child.pid, "self"))
            found[f"own_{name}"] = theirs != ours
    return found


def told(outcome: Outcome, report: ExitReport, log: Sequence[str]) -> None:
    """Takes what its process said, and how it ended."""
    text = "\n".join(log)
    outcome.began = f"{BEGINS} {outcome.attack}" in text
    outcome.succeeded = outcome.succeeded or success_mark(outcome.attack) in text
    outcome.cause, outcome.syscall, outcome.summary = report.cause, report.syscall or "", report.summary
    outcome.peak_bytes = report.memory_peak_bytes
    if not outcome.began:
        outcome.detail += " | " + " ".join(log[-4:])

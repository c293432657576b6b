"""What is handed to the writer, and what is known of how the writer fares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from host.workload.store.opening import SetAside
from plugin_sdk.contract.workload import WorkloadDataPoint


@dataclass
class Submission:
    """Points to be written together.

    Attributes:
        key: An idempotency key: the same points under the same key are written once.
        waits: Whether somebody is told when it is done.
        clears: What was recorded before it is forgotten.
    """

    points: Sequence[WorkloadDataPoint]
    key: str | None = None
    waits: bool = True
    clears: bool = False
    token: object = None
    outcome: int | Exception = 0
    lines: list[bytes] = field(default_factory=list)

    def digest(self) -> bytes:
        """By which the same points are known again."""
        return hashlib.sha256(b"\n".join(self.lines)).digest()


@dataclass
class Condition:
    """How the store is: `why` it does not write, if it does not, and what has happened to it."""

    why: str | None = None
    since_ms: float = 0.0
    set_aside: list[SetAside] = field(default_factory=list)
    commits: int = 0
    failed_commits: int = 0

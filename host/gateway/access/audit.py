"""Every change somebody made: who, what, before, after. A line of JSON each, on disk before the change is answered."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import deque
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger(__name__)

FILE = "audit.ndjson"
LATEST = 1000  # lines that can be asked for over the network; the file has all
_SECRET = re.compile(r"secret|token|passw|credential|api_?key|private", re.IGNORECASE)


class Change(msgspec.Struct, rename="camel"):
    """One change.

    Fields:
        at_ms: Milliseconds since the epoch.
        who: The token's name and id, `local`, or `operator` for the command line and signals.
        outcome: `done`, or the kind of the error it ended with.
    """

    at_ms: float
    who: str
    what: str
    target: str = ""
    address: str = ""
    before: Any = None
    after: Any = None
    outcome: str = "done"


class AuditLog:
    """Appends to the file in *data*; without one, the latest changes are in memory alone."""

    def __init__(self, data: Path | None) -> None:
        self.path = None if data is None else data / FILE
        self._latest: deque[Change] = deque(maxlen=LATEST)
        self._lock = asyncio.Lock()

    def latest(self, limit: int) -> list[Change]:
        """The newest *limit* changes since this host began, oldest first."""
        return list(self._latest)[-limit:]

    async def note(self, change: Change) -> None:
        """Writes a change down; one that cannot be is an error of the log, and the change stands all the same."""
        clean = msgspec.structs.replace(change, before=redacted(change.before), after=redacted(change.after))
        self._latest.append(clean)
        log.info(
            "audit.changed",
            extra={"who": clean.who, "what": clean.what, "target": clean.target, "outcome": clean.outcome},
        )
        if self.path is not None:
            async with self._lock:
                await asyncio.to_thread(self.append, clean)

    def append(self, change: Change) -> None:
        """The line itself; blocks until it is on disk."""
        assert self.path is not None
        line = msgspec.json.encode(change) + b"\n"
        try:
            number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(number, line)
                os.fsync(number)
            finally:
                os.close(number)
        except OSError as error:
            log.error("audit.not_written", extra={"path": str(self.path), "why": error.strerror})


def redacted(value: Any) -> Any:
    """*value* without what its name says is a secret."""
    if isinstance(value, dict):
        return {
            name: "(not shown)" if _SECRET.search(str(name)) else redacted(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return value

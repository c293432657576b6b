"""A back-test in a process group of its own, as a terminal gives it: Ctrl-C reaches the workers, too."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

COMMAND = [sys.executable, "-m", "host.cli.main", "simulate"]
WITHIN_S = 60.0


def launched(arguments: list[str]) -> subprocess.Popen[str]:
    """A run that has only just been called."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def begun(arguments: list[str], out: Path, outcomes: int) -> subprocess.Popen[str]:
    """A run with so many outcomes kept in its folder *out*, and more to come."""
    process = launched(arguments)
    kept = out / "outcomes.ndjson"
    until = time.monotonic() + WITHIN_S
    while not (kept.is_file() and kept.read_bytes().count(b"\n") >= outcomes):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    return process

"""Starts `bombs.py` under chosen layers, and sees how it ends."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from host.process.exits import Evidence, ExitReport, report_exit

ROOT = Path(__file__).parents[3]
MIB = 2**20
WITHIN_S = 30.0


@dataclass
class Outcome:
    """How a bomb ended. `lines` are (MiB held, when) as it said itself."""

    status: int | None  # of wait; None: it took all it wanted and lived
    refused: str = ""
    lines: list[tuple[int, float]] = field(default_factory=list)
    ended_at: float = 0.0
    cpu_s: float = 0.0
    rss_bytes: int = 0

    def report(self, evidence: Evidence) -> ExitReport:
        assert self.status is not None
        return report_exit(
            self.status, at_ms=0, lived_s=0, peak_rss_bytes=None, cpu_s=self.cpu_s, evidence=evidence
        )


class Bomb:
    """A bomb that waits for `burst`. A context manager: nothing of it is left behind."""

    def __init__(
        self,
        kind: str,
        mib: int,
        *,
        limits: dict[str, int] | None = None,
        seccomp: bytes = b"",
        scratch_mib: int = 0,
        join_fds: list[int] | None = None,
    ) -> None:
        orders = {
            "root": str(ROOT),
            "kind": kind,
            "mib": mib,
            "limits": limits or {},
            "seccomp": base64.b64encode(seccomp).decode(),
            "scratch_mib": scratch_mib,
            "join": join_fds or [],
        }
        script = Path(__file__).with_name("bombs.py")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), json.dumps(orders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            pass_fds=join_fds or [],
        )
        self.pid = self.process.pid
        for descriptor in join_fds or []:
            os.close(descriptor)
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if first != b"ready\n":
            self.process.kill()
            raise AssertionError((first + self.process.communicate()[1]).decode())

    def __enter__(self) -> Bomb:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        self.process.wait(WITHIN_S)

    def light(self) -> None:
        """Lets it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def burst(self) -> Outcome:
        """Lets it begin, and waits until it has ended or has said that it is done."""
        assert self.process.stdout is not None
        self.light()
        pidfd = os.pidfd_open(self.pid)
        text, done, ended_at = b"", False, 0.0
        until = time.monotonic() + WITHIN_S
        try:
            while not done:
                readable, _, _ = select.select([self.process.stdout, pidfd], [], [], until - time.monotonic())
                assert readable, f"the bomb neither ended nor succeeded within {WITHIN_S} s: {text!r}"
                if self.process.stdout in readable:
                    text += os.read(self.process.stdout.fileno(), 65536)
                done = text.endswith(b"done\n")
                if pidfd in readable:
                    ended_at = time.monotonic()
                    break
        finally:
            os.close(pidfd)
        status: int | None = None
        cpu_s, rss_bytes = 0.0, 0
        if not done:
            _, status, usage = os.wait4(self.pid, 0)
            cpu_s, rss_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
            self.process.returncode = os.waitstatus_to_exitcode(status)
            os.set_blocking(self.process.stdout.fileno(), False)
            text += self.process.stdout.read() or b""
        outcome = Outcome(status, ended_at=ended_at, cpu_s=cpu_s, rss_bytes=rss_bytes)
        for line in text.decode().splitlines():
            if line.startswith("refused "):
                outcome.refused = line.removeprefix("refused ")
            elif line != "done":
                mib, when = line.split()
                outcome.lines.append((int(mib), float(when)))
        return outcome

"""A runner in a process of its own, and a plugin whose handlers end when the test says so."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BOUND_S = 15.0  # for anything that is waited for; the machine may be busy
HELLO = {
    "protocol": {"min": 1, "max": 1},
    "host": {"name": "test", "version": "1"},
    "plugin": {"name": "mine", "version": "1.2.3"},
    "instance": "i",
    "epoch": 1,
    "handles": ["resource"],
    "config": {},
    "limits": {},
}


class Plugin:
    """A runner at the other end of two pipes."""

    def __init__(self, folder: Path, text: str, entry: str) -> None:
        (folder / "plugin.py").write_text(textwrap.dedent(text))
        self.folder = folder
        self.log = folder / "log.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "plugin_sdk.runner", "--entry", entry, "--folder", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                bufsize=0,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.writing, self.reading = self.process.stdin, self.process.stdout
        self._held = b""

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        """All in one write."""
        lines = [
            m if isinstance(m, bytes) else json.dumps({"jsonrpc": "2.0", **m}).encode() for m in messages
        ]
        self.writing.write(b"".join(line + b"\n" for line in lines))

    def call(self, request_id: int, method: str, **params: Any) -> dict[str, Any]:
        self.send(request(request_id, method, **params))
        answer = self.receive()
        assert answer["id"] == request_id, answer
        return answer

    def receive(self) -> dict[str, Any]:
        until = time.monotonic() + BOUND_S
        while b"\n" not in self._held:
            ready, _, _ = select.select([self.reading], [], [], max(until - time.monotonic(), 0))
            assert ready, f"nothing was said within {BOUND_S} s; the log: {self.log.read_text()}"
            data = os.read(self.reading.fileno(), 65536)
            assert data, f"the plugin closed its end; the log: {self.log.read_text()}"
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def initialize(self, **members: Any) -> dict[str, Any]:
        return self.call(0, "initialize", **(HELLO | members))

    def within(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < until, f"it did not come; the log: {self.log.read_text()}"
            select.select([], [], [], 0.002)

    def exited(self) -> int:
        return self.process.wait(BOUND_S)


def request(request_id: int, method: str, **params: Any) -> dict[str, Any]:
    return {"id": request_id, "method": method, "params": params}


# Waits for a file, so that the tests decide when a handler ends.
GATE = """
import os, time
from plugin_sdk import CallContext
def gate(name):
    open(name + ".begun", "w").close()
    until = time.monotonic() + 15
    while not os.path.exists(name) and time.monotonic() < until:
        time.sleep(0.001)
class P:
    ran = []
    def predict(self, x):
        self.ran.append(x)
        if isinstance(x, str):
            gate(x)
        return list(self.ran)
    def score(self, task, candidates, context):
        open("scoring", "w").close()
        until = time.monotonic() + 15
        while not context.cancelled and time.monotonic() < until:
            time.sleep(0.001)
        open("saw_cancel", "w").close()
        return [0.0]
"""


CLOSING = """
import time
class P:
    def predict(self, x):
        if x == "hang":
            open("hanging", "w").close()
            time.sleep(600)
        return x
    def shutdown(self):
        open("closed", "w").close()
"""

"""Processes that echo: the plugin under its runner, and the raw pair that is the floor; CPU by the kernel's account."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from host.rpc.client import ClientLimits, PluginClient
from plugin_sdk.contract.messages import InitializeParams, Peer, ProtocolRange, WireLimits

PLUGIN = "class Plugin:\n    def predict(self, input):\n        return input\n"
RAW = """
import os, sys
answer = b"a" * (int(sys.argv[1]) - 1) + b"\\n"
while os.read(0, 65536):
    os.write(1, answer)
"""
START_S = 10.0
MANY = 256  # in flight, for the figures that need it; a plugin has 4 by default


def cpu_ns(*pids: int) -> int:
    """Nanoseconds on a processor of all threads of these processes, by the scheduler's account."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                total += int((task / "schedstat").read_text().split()[0])
    return total


def pin(pid: int, cpus: set[int]) -> None:
    """Lets all threads of a process run on these processors only."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(task.name), cpus)


@contextlib.contextmanager
def piped(*argv: str, folder: str | None = None) -> Iterator[tuple[int, int, int]]:
    """A process, as its pid and our ends of its stdin and stdout; ended afterwards."""
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=folder
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.pid, process.stdin.fileno(), process.stdout.fileno()
        finally:
            process.kill()


class RawPair:
    """The floor: this process and another pass lines of the same length over two pipes, and do nothing else."""

    def __init__(self, pid: int, to: int, back: int, request: bytes) -> None:
        self.pid = pid
        self._to = to
        self._back = back
        self._request = request

    @classmethod
    @contextlib.contextmanager
    def start(cls, request: bytes, answer_bytes: int) -> Iterator[RawPair]:
        """One that answers each read with *answer_bytes*."""
        with piped(sys.executable, "-I", "-S", "-c", RAW, str(answer_bytes)) as (pid, to, back):
            yield cls(pid, to, back, request)

    def run(self, calls: int) -> None:
        """That many requests, one after the other."""
        to, back, request, read, write = self._to, self._back, self._request, os.read, os.write
        for _ in range(calls):
            write(to, request)
            read(back, 65536)


@contextlib.asynccontextmanager
async def echo_plugin() -> AsyncIterator[tuple[PluginClient, int]]:
    """A client of a plugin that returns its input, initialised as the supervisor does it; and the process's pid."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "plugin.py").write_text(PLUGIN)
        argv = [sys.executable, "-I", "-B", "-m", "plugin_sdk.runner", "--entry", "plugin:Plugin"]
        with piped(*argv, "--folder", folder, folder=folder) as (pid, to, back):
            os.set_blocking(to, False)
            os.set_blocking(back, False)
            client = PluginClient("echo", back, to, limits=ClientLimits(in_flight=MANY, queued=MANY))
            hello = InitializeParams(
                protocol=ProtocolRange(),
                host=Peer("bench", "1"),
                plugin=Peer("echo", "1"),
                instance="bench",
                epoch=1,
                handles=["ml-driven"],
                config={},
                limits=WireLimits(in_flight=MANY),
            )
            try:
                deadline = time.monotonic() + START_S
                await client.call("initialize", msgspec.json.encode(hello), deadline=deadline)
                client.opened()
                yield client, pid
            finally:
                client.close("the benchmark is over")

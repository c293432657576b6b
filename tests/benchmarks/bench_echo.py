"""What a call to a plugin costs: CPU of host and plugin together, beside a raw pipe ping-pong of the same bytes.

The floor is two Python processes that pass the very same request and response lines over `os.pipe` and do nothing
else. Rounds of both alternate, so that a noisy machine hits both alike; the figure to quote is the median ratio.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from host.clock import SystemClock
from host.process.child import LocalLauncher
from host.registry.registry import Registry
from host.supervisor.supervisor import Supervisor

ROUNDS = 15
CALLS = 4_000
PAYLOAD = "x" * 105  # the request line is then about 200 bytes

PLUGIN = "class Plugin:\n    def predict(self, input):\n        return input\n"
MANIFEST = '[plugin]\nname = "echo"\nversion = "1.0.0"\nhandles = ["ml-driven"]\nentry = "plugin:Plugin"\n'
RAW = """
import os, sys
size = int(sys.argv[1]); answer = b"a" * (int(sys.argv[2]) - 1) + b"\\n"
while True:
    data = os.read(0, 65536)
    if not data: break
    os.write(1, answer)
"""


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a processor of all threads of a process, by the scheduler's account."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total


class RawPair:
    """The floor: one process that answers a line with a line."""

    def __init__(self, request: bytes, answer_bytes: int) -> None:
        self.request = request
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", RAW, str(len(request)), str(answer_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.to, self.back = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.round(10)

    def round(self, calls: int) -> float:
        """Microseconds of CPU a call, both sides."""
        before = cpu_ns(os.getpid()) + cpu_ns(self.process.pid)
        for _ in range(calls):
            os.write(self.to, self.request)
            os.read(self.back, 65536)
        return (cpu_ns(os.getpid()) + cpu_ns(self.process.pid) - before) / calls / 1000

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout):
            if file:
                file.close()


async def _calls(entry: Any, params: bytes, calls: int, in_flight: int) -> None:
    async def one_after_another(count: int) -> None:
        for _ in range(count):
            await entry.call("predict", params, deadline=time.monotonic() + 5.0)

    if in_flight == 1:
        await one_after_another(calls)
    else:
        await asyncio.gather(*(one_after_another(calls // in_flight) for _ in range(in_flight)))


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        plugins, scratch = Path(place, "plugins"), Path(place, "scratch")
        (plugins / "echo").mkdir(parents=True)
        scratch.mkdir()
        (plugins / "echo" / "plugin.toml").write_text(MANIFEST)
        (plugins / "echo" / "plugin.py").write_text(PLUGIN)
        clock = SystemClock()
        registry = Registry(clock)
        supervisor = Supervisor(plugins, scratch, registry, LocalLauncher(clock), clock)
        await supervisor.start()
        try:
            await supervisor.wait_settled(30)
            return await _against_the_floor(registry)
        finally:
            await supervisor.aclose()


async def _against_the_floor(registry: Registry) -> dict[str, Any]:
    entry = registry.get("echo")
    assert entry.keeper is not None
    pid = entry.keeper.view().pid
    assert pid is not None
    params = msgspec.json.encode({"input": PAYLOAD})
    request = (
        b'{"jsonrpc":"2.0","id":1000,"method":"predict","params":%b,"_meta":{"deadlineMs":5000}}}\n'
        % params[:-1]
    )
    answer = msgspec.json.encode({"jsonrpc": "2.0", "id": 1000, "result": {"prediction": PAYLOAD}}) + b"\n"
    raw = RawPair(request, len(answer))
    floor, ours, ratios, wall = [], [], [], []
    try:
        await _calls(entry, params, 2_000, 1)
        for _ in range(ROUNDS):
            floor.append(raw.round(CALLS))
            before, begun = cpu_ns(os.getpid()) + cpu_ns(pid), time.perf_counter()
            await _calls(entry, params, CALLS, 1)
            wall.append((time.perf_counter() - begun) / CALLS * 1e6)
            ours.append((cpu_ns(os.getpid()) + cpu_ns(pid) - before) / CALLS / 1000)
            ratios.append(ours[-1] / floor[-1])
        begun = time.perf_counter()
        await _calls(entry, params, 40_000, 4)
        rate = 40_000 / (time.perf_counter() - begun)
    finally:
        raw.close()
    return {
        "bytes of a request / an answer": f"{len(request)} / {len(answer)}",
        "raw pipe ping-pong, CPU us a call": round(statistics.median(floor), 2),
        "PluginClient.call, CPU us a call": round(statistics.median(ours), 2),
        "ratio (limit 3)": round(statistics.median(ratios), 2),
        "ratio, least and most": f"{min(ratios):.2f} .. {max(ratios):.2f}",
        "PluginClient.call, wall us a call": round(statistics.median(wall), 1),
        "calls a second, 4 in flight": round(rate),
    }


def run() -> dict[str, Any]:
    """The figures, on uvloop as the host runs."""
    import uvloop

    return uvloop.run(_measure())

"""The host's own path of one call: as a count of bytecodes, which a busy machine does not change, and in CPU.

One process and no plugin: the request is written into a pipe, and its answer is put into the client's own. Counted is
what Python executes in the host's and the SDK's code for one call, from `PluginEntry.call` to its result; what the
event loop and C code do is not. The CPU is all that the thread used, with many calls under way.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import statistics
import sys
import time
from collections import Counter
from types import FrameType
from typing import Any

import msgspec

from host.registry.entry import PluginEntry
from host.registry.settings import Settings
from host.rpc.client import ClientLimits, PluginClient
from plugin_sdk.contract.manifest import Manifest
from plugin_sdk.contract.messages import Capability

COUNTED = ("/host/", "/plugin_sdk/")


class Path:
    """A client between two pipes, whose far ends this process holds."""

    def __init__(self) -> None:
        answers, self._answering = os.pipe()
        self._asked, requests = os.pipe()
        for fd in (answers, requests):
            os.set_blocking(fd, False)
        self._fds = (answers, self._answering, self._asked, requests)
        self.entry = PluginEntry(Manifest("echo", "1.0.0", ("ml-driven",), entry="p:P"), Settings())
        self.client = PluginClient("echo", answers, requests, breakers=self.entry.breakers)
        self.client.opened()
        self.entry.now_ready(self.client, {"predict": Capability()}, None)
        self._params = msgspec.json.encode({"input": "x" * 105})
        self._next = 1

    async def call(self) -> None:
        """One, answered before its caller waits for it: what is counted is the same each time."""
        answer = b'{"jsonrpc":"2.0","id":%d,"result":{"prediction":"%b"}}\n' % (self._next, b"x" * 105)
        self._next += 1
        os.write(self._answering, answer)
        await self.entry.call("predict", self._params, deadline=time.monotonic() + 5.0)
        os.read(self._asked, 65536)

    def close(self) -> None:
        """Gives everything back."""
        self.client.close("the benchmark is over")
        for fd in self._fds:
            os.close(fd)


async def _count(calls: int) -> Counter[str]:
    path, counts = Path(), Counter[str]()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            counts[frame.f_code.co_qualname] += 1
        return local

    def begun(frame: FrameType, event: str, _: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in COUNTED):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    try:
        for _ in range(50):
            await path.call()
        sys.settrace(begun)
        for _ in range(calls):
            await path.call()
        sys.settrace(None)
    finally:
        sys.settrace(None)
        path.close()
    return Counter({name: round(count / calls, 1) for name, count in counts.items()})


def bytecodes(calls: int = 200) -> Counter[str]:
    """Bytecodes a call, by function."""
    return asyncio.run(_count(calls))


TURNS = 60  # of that many calls each, a round
ROUNDS = 7


async def cpu_us(in_flight: int) -> float:
    """Microseconds of CPU that the host takes for a call with so many under way; on the loop that runs."""
    answers, answering = os.pipe()
    asked, requests = os.pipe()
    for fd in (answering, requests):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)  # all requests of a turn fit, and all answers
    for fd in (answers, requests):
        os.set_blocking(fd, False)
    client = PluginClient("echo", answers, requests, limits=ClientLimits(in_flight=in_flight))
    client.opened()
    params = msgspec.json.encode({"input": "x" * 105})
    answer = b'{"jsonrpc":"2.0","id":%%d,"result":{"prediction":"%b","modelId":"echo"}}\n' % (b"x" * 105)
    number, found = 1, []

    async def caller() -> None:
        for _ in range(TURNS):
            await client.call("predict", params, deadline=time.monotonic() + 60.0)

    try:
        for _ in range(ROUNDS):
            callers = [asyncio.ensure_future(caller()) for _ in range(in_flight)]
            begun, beside = time.thread_time(), 0.0
            for _ in range(TURNS):
                while client.in_flight < in_flight:
                    await asyncio.sleep(0)
                await asyncio.sleep(0)  # what was gathered in that turn is sent in this one
                paused = time.thread_time()
                unread = in_flight
                while unread:
                    unread -= os.read(asked, 1 << 20).count(b"\n")
                os.write(answering, b"".join(answer % each for each in range(number, number + in_flight)))
                number += in_flight
                beside += time.thread_time() - paused
                while client.in_flight == in_flight:
                    await asyncio.sleep(0)
            await asyncio.gather(*callers)
            found.append((time.thread_time() - begun - beside) / TURNS / in_flight * 1e6)
    finally:
        client.close("the benchmark is over")
        for fd in (answers, answering, asked, requests):
            os.close(fd)
    return statistics.median(found)


if __name__ == "__main__":
    found = bytecodes()
    for name, count in found.most_common():
        print(f"{count:8} {name}")
    print(f"{sum(found.values()):8} in all")

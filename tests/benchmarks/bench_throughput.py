"""Calls a second, and what 100 KB cost, beside what one would write with the standard library alone.

The comparison does the same work, a request with an id answered with its input, with asyncio's streams and `json`
on both sides: one task reads answers and resolves futures, the peer reads lines and writes lines. Each call
has its deadline, as ours have, by `asyncio.timeout`; but nothing is cancelled at the peer, nothing is limited, and
what comes is not checked.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from host.rpc.client import PluginClient
from tests.benchmarks.bench_echo import TIMEOUT_S, call_in_turn
from tests.benchmarks.echo_rig import MANY, cpu_ns, echo_plugin, pin
from tests.benchmarks.host_path import cpu_us

SMALL = "x" * 105
LARGE = "x" * 100_000
FRAME_BYTES = 1 << 20  # of the comparison; asyncio's own 64 KiB would refuse the large one
IN_FLIGHT = (1, 4, 16, 64, MANY)
CALLS = {1: 4_000, 4: 8_000, 16: 10_000, 64: 20_000, MANY: 20_000}
LARGE_CALLS = 300
ROUNDS = 4
CORES = os.sched_getaffinity(0)

STREAMS_PEER = """
import asyncio, json, sys
async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    while line := await reader.readline():
        request = json.loads(line)
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"prediction": request["params"]["input"]}}
        writer.write(json.dumps(answer).encode() + b"\\n")
        await writer.drain()
asyncio.run(main())
"""


class StreamsClient:
    """The comparison's side of the host."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._writer, self._reader = process.stdin, process.stdout
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._next = 1
        self._task = asyncio.create_task(self._read())

    async def call(self, method: str, params: Any) -> Any:
        """One call."""
        number, self._next = self._next, self._next + 1
        future = self._open[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._writer.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(TIMEOUT_S):
            await self._writer.drain()
            return await future

    def close(self) -> None:
        """Stops reading."""
        self._task.cancel()

    async def _read(self) -> None:
        while line := await self._reader.readline():
            answer = json.loads(line)
            self._open.pop(answer["id"]).set_result(answer["result"])


Calls = Callable[[int], Awaitable[None]]


async def _at_once(calls: Calls, in_flight: int) -> None:
    await asyncio.gather(*(calls(CALLS[in_flight] // in_flight) for _ in range(in_flight)))


def _place(pid: int, in_flight: int) -> None:
    """Few in flight on one core, many on two: there the kernel moves them to and fro, and the figure with them."""
    first, *others = sorted(CORES)
    pin(os.getpid(), {first})
    pin(pid, {others[0]} if others and in_flight >= 64 else {first})


Cost = tuple[float, float]  # calls a second, microseconds of CPU a call in both processes


async def _costs(calls: Calls, pid: int) -> dict[int, Cost]:
    """By the number in flight; medians of the rounds."""
    rates: dict[int, list[float]] = {in_flight: [] for in_flight in IN_FLIGHT}
    cpu: dict[int, list[float]] = {in_flight: [] for in_flight in IN_FLIGHT}
    await calls(500)
    for _ in range(ROUNDS):
        for in_flight in IN_FLIGHT:
            _place(pid, in_flight)
            await calls(50)  # lets both sides settle where they were put
            before, begun = cpu_ns(os.getpid(), pid), time.perf_counter()
            await _at_once(calls, in_flight)
            rates[in_flight].append(CALLS[in_flight] / (time.perf_counter() - begun))
            cpu[in_flight].append((cpu_ns(os.getpid(), pid) - before) / CALLS[in_flight] / 1000)
    return {each: (statistics.median(rates[each]), statistics.median(cpu[each])) for each in IN_FLIGHT}


async def _cpu_us(calls: Calls, pid: int) -> float:
    """Microseconds of CPU a call, both processes; the median of the rounds."""
    found = []
    _place(pid, 1)
    for _ in range(ROUNDS):
        before = cpu_ns(os.getpid(), pid)
        await calls(LARGE_CALLS)
        found.append((cpu_ns(os.getpid(), pid) - before) / LARGE_CALLS / 1000)
    return statistics.median(found)


async def _ours() -> tuple[dict[int, Cost], float]:
    small, large = (msgspec.json.encode({"input": payload}) for payload in (SMALL, LARGE))
    async with echo_plugin() as (client, pid):

        def turns(params: bytes, asked: PluginClient = client) -> Calls:
            return lambda calls: call_in_turn(asked, params, calls)

        return await _costs(turns(small), pid), await _cpu_us(turns(large), pid)


async def _streams() -> tuple[dict[int, Cost], float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", STREAMS_PEER,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=FRAME_BYTES,
    )  # fmt: skip
    client = StreamsClient(process)

    def turns(payload: str) -> Calls:
        async def in_turn(calls: int) -> None:
            for _ in range(calls):
                await client.call("predict", {"input": payload})

        return in_turn

    try:
        return await _costs(turns(SMALL), process.pid), await _cpu_us(turns(LARGE), process.pid)
    finally:
        client.close()
        process.kill()
        await process.wait()


def run() -> dict[str, Any]:
    """The figures: ours on uvloop as the host runs and on plain asyncio, the comparison on plain asyncio."""
    import uvloop

    try:
        theirs, theirs_large = asyncio.run(_streams())
        plain, plain_large = asyncio.run(_ours())
        ours, ours_large = uvloop.run(_ours())
    finally:
        pin(os.getpid(), CORES)
    shown: dict[str, Any] = {}
    for in_flight in IN_FLIGHT:
        where = f"{in_flight} in flight, {'two cores' if in_flight >= 64 and len(CORES) > 1 else 'one core'}"
        for who, cost in (("streams and json", theirs), ("ours on asyncio", plain), ("ours on uvloop", ours)):
            rate, cpu = cost[in_flight]
            shown[f"{where}: {who}"] = f"{rate:,.0f} calls a second, {cpu:.1f} us of CPU each"
        by_rate, by_cpu = ours[in_flight][0] / theirs[in_flight][0], theirs[in_flight][1] / ours[in_flight][1]
        shown[f"{where}: ratio"] = f"{by_rate:.2f} by calls a second, {by_cpu:.2f} by CPU"
    shown[f"the host alone, {MANY} in flight: CPU us a call"] = round(uvloop.run(cpu_us(MANY)), 2)
    shown["100 KB echo, CPU us: streams and json"] = round(theirs_large)
    shown["100 KB echo, CPU us: ours on asyncio"] = round(plain_large)
    shown["100 KB echo, CPU us: ours on uvloop"] = round(ours_large)
    shown["100 KB echo, ratio"] = round(theirs_large / ours_large, 2)
    return shown

"""The same echo, side by side with what people use to call code in another process.

A text of 105 characters goes out and comes back, one call after the other and 16 at once, both processes on one core, so
that the code decides. Each rival is used as its documentation shows it, with nothing switched off; what is not installed
is skipped by name (`pip install 'engine-ops[bench]'`). What they do is not the same: of all of them only ours has a
deadline, cancels, and watches what comes back.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib.util
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.bench_echo import call_in_turn, lines
from tests.benchmarks.echo_rig import RawPair, cpu_ns, echo_plugin, pin

PAYLOAD = "x" * 105
ROUNDS = 5
CORES = os.sched_getaffinity(0)
Calls = Callable[[int, int], Awaitable[None]]  # how many, and how many at once

MCP_SERVER = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("echo")
@server.tool()
def predict(input: str) -> str:
    return input
server.run("stdio")
"""
GRPC_SERVER = """
import asyncio, sys
import grpc
async def predict(request, context):
    return request
async def main():
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(predict)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"predict": handler}),))
    server.add_insecure_port("unix:" + sys.argv[1])
    await server.start()
    print("up", flush=True)
    await server.wait_for_termination()
asyncio.run(main())
"""


def _echo(text: str) -> str:
    return text


def _serve_pipe(connection: Any) -> None:
    with contextlib.suppress(EOFError):
        while True:
            connection.send(connection.recv())


async def _spread(one: Callable[[], Awaitable[Any]], calls: int, at_once: int) -> None:
    async def in_turn(count: int) -> None:
        for _ in range(count):
            await one()

    await asyncio.gather(*(in_turn(calls // at_once) for _ in range(at_once)))


@contextlib.asynccontextmanager
async def _ours() -> AsyncIterator[tuple[Calls, int]]:
    params = msgspec.json.encode({"input": PAYLOAD})
    async with echo_plugin() as (client, pid):

        async def run(calls: int, at_once: int) -> None:
            await asyncio.gather(*(call_in_turn(client, params, calls // at_once) for _ in range(at_once)))

        yield run, pid


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[Calls, int]]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_pipe, args=(theirs,), daemon=True)
    process.start()
    theirs.close()

    async def run(calls: int, at_once: int) -> None:  # blocking, as its own interface is
        message = {"method": "predict", "params": {"input": PAYLOAD}}
        for _ in range(calls // at_once):
            for _ in range(at_once):
                ours.send(message)
            for _ in range(at_once):
                ours.recv()

    try:
        assert process.pid is not None
        yield run, process.pid
    finally:
        ours.close()
        process.terminate()
        process.join()


@contextlib.asynccontextmanager
async def _pool() -> AsyncIterator[tuple[Calls, int]]:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        loop = asyncio.get_running_loop()
        pid = await loop.run_in_executor(pool, os.getpid)
        yield (
            lambda calls, at_once: _spread(
                lambda: loop.run_in_executor(pool, _echo, PAYLOAD), calls, at_once
            ),
            pid,
        )


@contextlib.asynccontextmanager
async def _mcp() -> AsyncIterator[tuple[Calls, int]]:
    from mcp import ClientSession, StdioServerParameters, stdio_client  # type: ignore[import-not-found,unused-ignore]

    before = _children()
    parameters = StdioServerParameters(command=sys.executable, args=["-c", MCP_SERVER])
    async with stdio_client(parameters) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        (pid,) = _children() - before
        arguments = {"input": PAYLOAD}
        yield (
            lambda calls, at_once: _spread(lambda: session.call_tool("predict", arguments), calls, at_once),
            pid,
        )


@contextlib.asynccontextmanager
async def _grpc() -> AsyncIterator[tuple[Calls, int]]:
    import grpc  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with tempfile.TemporaryDirectory() as folder:
        at = f"{folder}/echo"
        argv = [sys.executable, "-c", GRPC_SERVER, at]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)  # noqa: ASYNC220 - before anything is measured
        try:
            assert process.stdout is not None
            process.stdout.readline()
            async with grpc.aio.insecure_channel(f"unix:{at}") as channel:
                method = channel.unary_unary("/echo.Echo/predict")
                body = msgspec.json.encode({"input": PAYLOAD})
                yield (
                    lambda calls, at_once: _spread(lambda: method(body, timeout=5), calls, at_once),
                    process.pid,
                )
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _children() -> set[int]:
    return {int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


RIVALS: dict[str, tuple[str, Callable[[], Any], int]] = {
    # The module it needs, how it is started, and how many calls are a round.
    "ours": ("host", _ours, 2000),
    "multiprocessing.Pipe (blocking, no deadline)": ("multiprocessing", _pipe, 2000),
    "ProcessPoolExecutor": ("concurrent.futures", _pool, 400),
    "grpc.aio over a unix socket": ("grpc", _grpc, 200),
    "mcp, stdio client and server": ("mcp", _mcp, 64),
}


async def _cost(start: Callable[[], Any], calls: int, at_once: int) -> tuple[float, float]:
    """Microseconds of CPU a call in both processes, and calls a second; medians."""
    cpu, rate = [], []
    first = min(CORES)
    async with start() as (run, pid):
        try:
            pin(os.getpid(), {first})
            pin(pid, {first})
            await run(max(at_once, calls // 4), at_once)
            for _ in range(ROUNDS):
                before, begun = cpu_ns(os.getpid(), pid), time.perf_counter()
                await run(calls, at_once)
                rate.append(calls / (time.perf_counter() - begun))
                cpu.append((cpu_ns(os.getpid(), pid) - before) / calls / 1000)
        finally:
            pin(os.getpid(), CORES)
    return statistics.median(cpu), statistics.median(rate)


def _floor() -> float:
    request, answer = lines(msgspec.json.encode({"input": PAYLOAD}), PAYLOAD)
    found = []
    with RawPair.start(request, len(answer)) as raw:
        pin(os.getpid(), {min(CORES)})
        pin(raw.pid, {min(CORES)})
        for _ in range(ROUNDS + 1):
            before = cpu_ns(os.getpid(), raw.pid)
            raw.run(2000)
            found.append((cpu_ns(os.getpid(), raw.pid) - before) / 2000 / 1000)
        pin(os.getpid(), CORES)
    return statistics.median(found[1:])


def run() -> dict[str, Any]:
    """The figures; all but ours on plain asyncio, as it comes."""
    import uvloop

    floor = _floor()
    shown: dict[str, Any] = {"raw pipe ping-pong, CPU us": round(floor, 1)}
    for name, (module, start, calls) in RIVALS.items():
        if importlib.util.find_spec(module) is None:
            shown[name] = f"SKIPPED: {module} is not installed"
            continue
        loop = uvloop.run if name == "ours" else asyncio.run
        for at_once in (1, 16):
            cpu, rate = loop(_cost(start, calls, at_once))
            shown[f"{name}, {at_once} at once"] = (
                f"{cpu:.1f} us of CPU, {cpu / floor:.1f} x floor, {rate:,.0f} calls/s"
            )
    return shown

"""`engine.optimize` over HTTP, answered by the cache, by a built-in and by a plugin, beside a bare aiohttp echo.

Each in a process of its own, in turns, asked by the same client: requests/s at 1 and 64 connections, and the
processor time of the server a request. What counts are the ratios to the echo.

Peers stand beside them where they are installed: an echo of FastAPI on uvicorn, and MLServer with a model that echoes.
They may have an environment of their own, whose Python BENCH_PEERS_PYTHON names: MLServer asks for more than 80 packages.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 2.0  # of each measurement
ROUNDS = 3  # of everything; the best of each counts
NODES = [{"id": f"n{n}", "cpuLoad": 10 + n, "memoryLoad": 20 + n} for n in range(10)]
PLUGIN = """
class LeastMemory:
    def score(self, task, candidates):
        if task["kind"] == "task":
            return [-node["memoryLoad"] for node in candidates]

    def predict(self, each):
        return each["v"] * 2

    def predict_many(self, inputs):
        return [each["v"] * 2 for each in inputs]
"""
MANY = 20_000
PREDICTIONS = "predictMany over HTTP, one sandboxed plugin, predictions/s (aim 50,000)"
MANIFEST = '[plugin]\nname = "least-memory"\nversion = "1.0.0"\nhandles = ["scheduling"]\nentry = "plugin:LeastMemory"\n'
ECHO = """
import sys
from aiohttp import web
import uvloop
async def echo(request):
    return web.Response(body=await request.read(), content_type="application/json")
app = web.Application()
app.router.add_post("/rpc", echo)
async def said(app):
    print(flush=True)
app.on_startup.append(said)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
"""
PEER = """
import sys, json
from fastapi import FastAPI, Request, Response
import uvicorn
app = FastAPI()
@app.post("/rpc")
async def echo(request: Request):
    return Response(await request.body(), media_type="application/json")
print(flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
"""

ECHO_MODEL = """
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput

class Echo(MLModel):
    async def predict(self, payload):
        outputs = [ResponseOutput(name=i.name, shape=i.shape, datatype=i.datatype, data=i.data) for i in payload.inputs]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""
# The model in the process that serves HTTP, which is the quicker way for an echo.
MLSERVER = {
    "host": "127.0.0.1",
    "debug": False,
    "parallel_workers": 0,
    "grpc_port": 0,
    "metrics_endpoint": None,
}
PEERS_PYTHON = os.environ.get("BENCH_PEERS_PYTHON", sys.executable)


@dataclass
class Server:
    """One that is measured."""

    pid: int
    port: int
    path: str = "/rpc"

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def body(number: int | None) -> bytes:
    """A request; with a *number* none is like another, so that no cache answers it."""
    task = {"id": "web" if number is None else f"web{number}", "cpuRequired": 20, "memoryRequired": 10}
    params = {"id": "t", "type": "scheduling", "data": {"task": task, "nodes": NODES}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "engine.optimize", "params": params}).encode()


@contextmanager
def host(folder: Path, *, plugin: bool, cache: bool) -> Iterator[Server]:
    """A host with one plugin or none, with its cache or without."""
    plugins = folder / f"plugins-{plugin}"
    plugins.mkdir(exist_ok=True)
    if plugin:
        place = plugins / "least-memory"
        place.mkdir(exist_ok=True)
        (place / "plugin.toml").write_text(MANIFEST)
        (place / "plugin.py").write_text(PLUGIN)
    command = [
        str(Path(sys.executable).parent / "engine-ops"),
        "serve",
        "--plugins",
        str(plugins),
        "--port",
        "0",
    ]
    popen = subprocess.Popen(
        [*command, "--json", "--allow-weak-sandbox", "--log-level", "error"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **({} if cache else {"ENGINE_OPS_ENGINE_CACHE_ENTRIES": "0"})},
    )
    try:
        assert popen.stdout is not None
        port = int(json.loads(popen.stdout.readline())["url"].rsplit(":", 1)[1])
        if plugin:
            asyncio.run(_ready(port))
        yield Server(popen.pid, port)
    finally:
        popen.terminate()
        popen.wait()


async def _ready(port: int) -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"plugins.get","params":{"name":"least-memory"}}'
    async with asyncio.timeout(60):
        while b'"state":"ready"' not in await _one(port, call):
            await asyncio.sleep(0.05)


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def program(source: str, python: str = sys.executable) -> Iterator[Server]:
    """A server out of a few lines of Python."""
    port = _free_port()
    popen = subprocess.Popen([python, "-c", source, str(port)], stdout=subprocess.PIPE)
    try:
        assert popen.stdout is not None
        popen.stdout.readline()
        asyncio.run(_up(port))
        yield Server(popen.pid, port)
    finally:
        popen.terminate()
        popen.wait()


@contextmanager
def mlserver(folder: Path) -> Iterator[Server]:
    """MLServer with a model that echoes."""
    place = folder / "mlserver"
    place.mkdir(exist_ok=True)
    (place / "echo_model.py").write_text(ECHO_MODEL)
    model = {"name": "echo", "implementation": "echo_model.Echo"}
    (place / "model-settings.json").write_text(json.dumps(model))
    port = _free_port()
    settings = {**MLSERVER, "http_port": port, "grpc_port": _free_port()}
    (place / "settings.json").write_text(json.dumps(settings))
    popen = subprocess.Popen(
        [PEERS_PYTHON, "-m", "mlserver.cli.main", "start", str(place)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(popen.pid, port, "/v2/models/echo/infer")
    try:
        asyncio.run(_up(port, server.path, infer()))
        yield server
    finally:
        popen.terminate()
        popen.wait()


def infer() -> bytes:
    """The same body as everybody gets, as the one input of a model."""
    data = [body(None).decode()]
    return json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": data}]}).encode()


async def _up(port: int, path: str = "/rpc", given: bytes = b"{}") -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if b" 200 " in await _one(port, given, path):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.05)


def http_request(given: bytes, path: str = "/rpc") -> bytes:
    """The bytes of a call with this body."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(given)}\r\n\r\n"
    return head.encode() + given


class _Caller(asyncio.Protocol):
    """Sends the next request when the last is answered; as light as it can be, so that the server is measured."""

    def __init__(self, path: str, bodies: Iterator[bytes], until: float, done: asyncio.Future[None]) -> None:
        self._path = path
        self._bodies = bodies
        self._until = until
        self._done = done
        self._buffer = b""
        self.answered = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(http_request(next(self._bodies), self._path))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 200") or b'"error"' in rest:
            raise AssertionError(head + rest)
        self._buffer = b""
        self.answered += 1
        if time.perf_counter() < self._until:
            self._transport.write(http_request(next(self._bodies), self._path))
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def _one(port: int, given: bytes, path: str = "/rpc") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(http_request(given, path).replace(b"Host:", b"Connection: close\r\nHost:"))
    answer = await reader.read()
    writer.close()
    return answer


async def measure(server: Server, connections: int, bodies: Iterator[bytes]) -> tuple[float, float]:
    """Answers a second, and processor microseconds each, with so many callers in a closed loop."""
    loop = asyncio.get_running_loop()
    cpu, began = server.cpu_s(), time.perf_counter()
    callers = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        _, caller = await loop.create_connection(
            lambda done=done: _Caller(server.path, bodies, began + SECONDS, done), "127.0.0.1", server.port
        )
        callers.append((caller, done))
    await asyncio.gather(*(done for _, done in callers))
    answered = sum(caller.answered for caller, _ in callers)
    return answered / (time.perf_counter() - began), (server.cpu_s() - cpu) / answered * 1e6


async def _predictions(port: int) -> float:
    """Predictions a second that one sandboxed plugin gives, 20,000 in one `plugins.predictMany` over HTTP."""
    params = {"name": "least-memory", "inputs": [{"v": number} for number in range(MANY)]}
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "plugins.predictMany", "params": params}).encode()
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        said = await _one(port, call)
        if said.count(b'"prediction":') != MANY:
            raise AssertionError(said[:500])
        best = max(best, MANY / (time.perf_counter() - began))
    return best


def run() -> dict[str, Any]:
    """Rates, processor times, and their ratios to the echo's."""
    import uvloop

    fresh = (body(number) for number in itertools.count())
    same = itertools.repeat(body(None))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what: dict[str, tuple[Any, Iterator[bytes]]] = {
            "aiohttp echo": (lambda: program(ECHO), same),
            "cache": (lambda: host(folder, plugin=False, cache=True), same),
            "built-in": (lambda: host(folder, plugin=False, cache=False), fresh),
            "plugin": (lambda: host(folder, plugin=True, cache=False), fresh),
        }
        if _peer_has("fastapi", "uvicorn"):
            what["FastAPI + uvicorn echo"] = (lambda: program(PEER, PEERS_PYTHON), same)
        if _peer_has("mlserver"):
            what["MLServer echo"] = (lambda: mlserver(folder), itertools.repeat(infer()))
        found: dict[str, Any] = {}
        best: dict[tuple[str, int], tuple[float, float]] = {}
        for _ in range(ROUNDS):
            for each, (start, bodies) in what.items():
                with start() as server:
                    for connections in (1, 64):
                        rate, cpu_us = uvloop.run(measure(server, connections, bodies))
                        before = best.get((each, connections), (0.0, float("inf")))
                        best[each, connections] = max(before[0], rate), min(before[1], cpu_us)
                    if each == "plugin":
                        found[PREDICTIONS] = round(
                            max(found.get(PREDICTIONS, 0), asyncio.run(_predictions(server.port)))
                        )
    for (each, connections), (rate, cpu_us) in sorted(best.items(), key=lambda pair: pair[0][1]):
        echo_rate, echo_us = best["aiohttp echo", connections]
        found[f"{each}, {connections} connections, requests/s"] = round(rate)
        found[f"{each}, {connections} connections, CPU us a request"] = round(cpu_us, 1)
        if each != "aiohttp echo":
            found[f"{each}, {connections} connections, rate / echo"] = round(rate / echo_rate, 2)
            found[f"{each}, {connections} connections, CPU / echo"] = round(cpu_us / echo_us, 2)
    for name, distribution in (("FastAPI + uvicorn echo", "fastapi uvicorn"), ("MLServer echo", "mlserver")):
        if name not in what:
            found[name] = f"not installed: pip install {distribution}"
    return found


def _peer_has(*modules: str) -> bool:
    tried = subprocess.run(
        [PEERS_PYTHON, "-c", f"import {', '.join(modules)}"], capture_output=True, check=False
    )
    return tried.returncode == 0

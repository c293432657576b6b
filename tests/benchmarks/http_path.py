"""The host's way of one `engine.optimize` over HTTP: as a count of bytecodes, by function, from the socket to the socket.

A whole host with one plugin in a process of its own; the caller is another thread, which is not counted. Counted is all
that Python executes on the event loop's thread, in aiohttp and the standard library too; what C code does is not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from host.app import build
from host.config import HostConfig
from host.gateway.http import FRONT, listen, make_app
from host.gateway.turnstile import Turnstile, Wait
from tests.benchmarks.bench_gateway import MANIFEST, PLUGIN, body, http_request

OWN = ("/host/", "/plugin_sdk/")
UNTIL_READY_S = 60.0


def whose(file: str) -> str:
    """Which package a source file belongs to; `host` for our own."""
    if any(part in file for part in OWN):
        return "host"
    return file.rpartition("site-packages/")[2].split("/")[0] if "site-packages" in file else "python"


@contextlib.asynccontextmanager
async def serving(config: HostConfig, *, plugin: bool, full: bool = False) -> AsyncIterator[tuple[str, int]]:
    """A host in this process, without a cache, with the plugin of the gateway's benchmark or with none.

    Args:
        full: It has no room for a request more, and its door no patience.
    """
    config = replace(
        config,
        engine=replace(config.engine, cache_entries=0),
        sandbox=replace(config.sandbox, isolation="best-effort"),
        # A commit's work is shared by all requests of its time; while each step is counted that would be one or two.
        history=replace(config.history, requests_commit_ms=60_000.0),
    )
    with tempfile.TemporaryDirectory() as name:
        plugins, scratch = Path(name) / "plugins", Path(name) / "scratch"
        scratch.mkdir()
        (plugins / "least-memory").mkdir(parents=True)
        if plugin:
            (plugins / "least-memory" / "plugin.toml").write_text(MANIFEST)
            (plugins / "least-memory" / "plugin.py").write_text(PLUGIN)
        async with build(plugins, scratch, config) as running:
            async with asyncio.timeout(UNTIL_READY_S):
                while plugin and not running.registry.ready():
                    await asyncio.sleep(0.02)
            app = make_app(running.host)
            if full:
                app[FRONT].door._waiting._turnstile = _Full()
            runner, url = await listen(app, "127.0.0.1", 0)
            try:
                yield "127.0.0.1", int(url.rsplit(":", 1)[1])
            finally:
                await runner.cleanup()


class _Full(Turnstile):
    def passes(self) -> bool:
        return False

    async def wait(self, how: Wait) -> bool:
        return False


def ask(address: tuple[str, int], requests: list[bytes], at_once: int) -> list[bytes]:
    """The answers to *requests*, sent over so many connections in turns."""
    lines = [socket.create_connection(address) for _ in range(at_once)]
    answers = []
    try:
        for begin in range(0, len(requests), at_once):
            group = requests[begin : begin + at_once]
            for line, request in zip(lines, group, strict=False):
                line.sendall(request)
            answers += [_answer(line) for line in lines[: len(group)]]
    finally:
        for line in lines:
            line.close()
    return answers


def _answer(line: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        said += _more(line)
    head, _, rest = said.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(rest) < size:
        rest += _more(line)
    return head + b"\r\n\r\n" + rest


def _more(line: socket.socket) -> bytes:
    more = line.recv(65536)
    if not more:
        raise ConnectionError("the host closed the connection")
    return more


async def _count(
    config: HostConfig, plugin: bool, full: bool, make: Callable[[int], bytes], calls: int, at_once: int
) -> tuple[Counter[tuple[str, str]], list[bytes]]:
    counts: Counter[tuple[str, str]] = Counter()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            counts[whose(frame.f_code.co_filename), frame.f_code.co_qualname] += 1
        return local

    def begun(frame: FrameType, event: str, _: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    requests = [http_request(make(number)) for number in range(2 * calls)]
    async with serving(config, plugin=plugin, full=full) as address:
        await asyncio.to_thread(ask, address, requests[:calls], at_once)
        sys.settrace(begun)
        try:
            answers = await asyncio.to_thread(ask, address, requests[calls:], at_once)
        finally:
            sys.settrace(None)
    return Counter({name: round(count / calls) for name, count in counts.items()}), answers


def bytecodes(
    calls: int = 200,
    *,
    at_once: int = 1,
    plugin: bool = True,
    full: bool = False,
    make: Callable[[int], bytes] = body,
    config: HostConfig | None = None,
) -> tuple[Counter[tuple[str, str]], list[bytes]]:
    """Bytecodes a request, by package and function; and the answers to those that were counted."""
    import uvloop

    return uvloop.run(_count(config or HostConfig(), plugin, full, make, calls, at_once))


def main() -> None:
    """Prints them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.http_path", description=__doc__)
    parser.add_argument("--at-once", type=int, default=1, help="connections on which requests come together")
    parser.add_argument("--no-plugin", action="store_true", help="let the built-in answer alone")
    parser.add_argument("--refused", action="store_true", help="let the door send every request away")
    parser.add_argument("--least", type=int, default=20, help="bytecodes of the functions that are listed")
    args = parser.parse_args()
    found, _ = bytecodes(at_once=args.at_once, plugin=not args.no_plugin, full=args.refused)
    for (package, name), count in found.most_common():
        if count >= args.least:
            print(f"{count:8} {package:14} {name}")
    packages: Counter[str] = Counter()
    for (package, _), count in found.items():
        packages[package] += count
    print(" + ".join(f"{count} {package}" for package, count in packages.most_common()))
    print(f"{sum(found.values()):8} in all")


if __name__ == "__main__":
    main()

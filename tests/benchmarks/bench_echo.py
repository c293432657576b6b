"""What a call to a plugin costs: CPU of host and plugin together, beside a raw pipe ping-pong of the same bytes.

The floor is two Python processes that pass lines of the same lengths over `os.pipe`, blocking, and do nothing else.
Rounds of both alternate, so that a noisy machine hits both alike, and several plugin processes take part: where a
process's libraries lie in memory is drawn at its start, and an unlucky draw costs both sides a third more on some
processors (docs/reference/performance.md).

Where the two processes run decides more than what they do, so all three cases are measured: both on one core, each
on its own, and wherever the kernel likes. The limit is quoted for one core: there the code decides and nothing
else, and a share of a core is what a plugin on a busy machine has. On two cores the waking of an idle core is most of
both figures.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import msgspec

from host.rpc.client import PluginClient
from tests.benchmarks.echo_rig import RawPair, cpu_ns, echo_plugin, pin

PAYLOAD = "x" * 105  # the request line is then about 200 bytes
LIMIT = 3.0
PROCESSES = 5
ROUNDS = 6  # with each process
CALLS = {"one core": 2_000, "two cores": 300, "unpinned": 1_000}
TIMEOUT_S = 5.0


async def call_in_turn(client: PluginClient, params: bytes, calls: int) -> None:
    """That many calls, one after the other, each with its deadline."""
    now = time.monotonic
    for _ in range(calls):
        await client.call("predict", params, deadline=now() + TIMEOUT_S)


def lines(params: bytes, payload: str) -> tuple[bytes, bytes]:
    """The request and the answer as they go over the wire."""
    meta = b'"_meta":{"deadlineMs":5000}'
    request = b'{"jsonrpc":"2.0","id":1000,"method":"predict","params":%b,%b}}\n' % (params[:-1], meta)
    result = {"prediction": payload, "modelId": "echo"}
    return request, msgspec.json.encode({"jsonrpc": "2.0", "id": 1000, "result": result}) + b"\n"


class Figures:
    """Microseconds a call, of many rounds in one placement."""

    def __init__(self) -> None:
        self.floor: list[float] = []
        self.ours: list[float] = []
        self.wall: list[float] = []

    def shown(self, where: str) -> dict[str, Any]:
        """Medians and the spread of the ratio."""
        ratios = [ours / floor for ours, floor in zip(self.ours, self.floor, strict=True)]
        return {
            f"{where}: raw ping-pong, CPU us": round(statistics.median(self.floor), 2),
            f"{where}: PluginClient.call, CPU us": round(statistics.median(self.ours), 2),
            f"{where}: PluginClient.call, wall us": round(statistics.median(self.wall), 1),
            f"{where}: ratio": round(statistics.median(self.ours) / statistics.median(self.floor), 2),
            f"{where}: ratio, least and most of a round": f"{min(ratios):.2f} .. {max(ratios):.2f}",
        }


async def _measure() -> dict[str, Any]:
    allowed = os.sched_getaffinity(0)
    first, *others = sorted(allowed)
    placements = {"one core": ({first}, {first})}
    if others:
        placements |= {"two cores": ({first}, {others[0]}), "unpinned": (allowed, allowed)}
    figures = {where: Figures() for where in placements}
    params = msgspec.json.encode({"input": PAYLOAD})
    request, answer = lines(params, PAYLOAD)
    me = os.getpid()
    with RawPair.start(request, len(answer)) as raw:
        for _ in range(PROCESSES):
            async with echo_plugin() as (client, pid):
                await call_in_turn(client, params, 1_000)
                for _ in range(ROUNDS):
                    for where, (mine, theirs) in placements.items():
                        for peer, cpus in ((me, mine), (raw.pid, theirs), (pid, theirs)):
                            pin(peer, cpus)
                        await _round(figures[where], CALLS[where], raw, client, pid, params)
                pin(me, allowed)
    shown: dict[str, Any] = {"bytes of a request / an answer": f"{len(request)} / {len(answer)}"}
    for where, figure in figures.items():
        shown |= figure.shown(where)
    reached = "kept" if shown["one core: ratio"] <= LIMIT else "NOT kept"
    shown[f"limit of {LIMIT:g} on one core"] = reached
    return shown


async def _round(
    figures: Figures, calls: int, raw: RawPair, client: PluginClient, pid: int, params: bytes
) -> None:
    me = os.getpid()
    await call_in_turn(client, params, 20)  # lets both sides settle where they were put
    before, begun = cpu_ns(me, pid), time.perf_counter()
    await call_in_turn(client, params, calls)
    figures.wall.append((time.perf_counter() - begun) / calls * 1e6)
    figures.ours.append((cpu_ns(me, pid) - before) / calls / 1000)
    raw.run(20)
    before = cpu_ns(me, raw.pid)
    raw.run(calls)
    figures.floor.append((cpu_ns(me, raw.pid) - before) / calls / 1000)


def run() -> dict[str, Any]:
    """The figures, on uvloop as the host runs."""
    import uvloop

    return uvloop.run(_measure())

"""Fifty plugins at a hundred calls a second each, one in five of which misbehaves: what the healthy ones notice of it.

Compared are the waiting times of calls to the healthy ones, alone and with the others beside them, in turns. The event
loop's own delay is watched all the while, and once more while floods are all there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from host.clock import SystemClock
from host.errors import PluginError
from host.registry.registry import Registry
from host.rpc.limits import ClientLimits
from host.sandbox.opening import open_sandbox
from host.sandbox.policy import SandboxPolicy
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import Supervisor, SupervisorConfig
from tests.faults.zoo import DATA
from tests.faults.zoo import write as write_peer

HEALTHY, MISBEHAVING = 40, 10
EVERY_S = 0.01
PHASE_S = 4.0
TURNS = 5
TICK_S = 0.002
MODES = (
    "floods-junk", "floods-empty-lines", "floods-notifications", "floods-its-log", "hang-in-call",
    "exit-in-call", "crash-in-call", "answers-late", "too-large", "raises",
)  # fmt: skip
FLOODS = ("floods-junk", "floods-empty-lines", "floods-notifications", "floods-its-log", "floods-answers")
# As shipped, but that nobody is set aside for long: so there is somebody who misbehaves all the while.
RESTARTS = RestartPolicy(cap_s=2.0, intensity=1_000_000)
ECHO = "class Plugin:\n    def predict(self, input):\n        return input\n"
SMALL = msgspec.json.encode({"input": "x" * 105})
LARGE = msgspec.json.encode({"type": "resource", "data": DATA})


def _quantiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p99 and the most, in milliseconds."""
    ordered = sorted(seconds)
    at = [ordered[int(q * (len(ordered) - 1))] * 1000 for q in (0.5, 0.99, 1.0)]
    return at[0], at[1], at[2]


def _shown(seconds: Sequence[float]) -> str:
    return "{:.2f} / {:.2f} / {:.1f}".format(*_quantiles(seconds))


class Fleet:
    """A host with plugins, and what calls to them took."""

    def __init__(self, supervisor: Supervisor, registry: Registry) -> None:
        self.supervisor = supervisor
        self.registry = registry

    async def drive(self, names: Sequence[str], seconds: float) -> list[float]:
        """Calls each of them every `EVERY_S`, whether or not the one before was answered; what the answered ones took."""
        took: list[float] = []
        open_: set[asyncio.Task[None]] = set()

        async def one(name: str) -> None:
            begun = time.monotonic()
            healthy = name.startswith("healthy")
            method, params = ("predict", SMALL) if healthy else ("optimize", LARGE)
            with contextlib.suppress(PluginError):
                await self.registry.get(name).call(method, params, deadline=begun + 1.0)
                if healthy:
                    took.append(time.monotonic() - begun)

        end = time.monotonic() + seconds
        rounds = 0
        begun = time.monotonic()
        while time.monotonic() < end:
            for at, name in enumerate(names):  # spread over the interval, as callers would be
                task = asyncio.create_task(one(name))
                open_.add(task)
                task.add_done_callback(open_.discard)
                if at % 5 == 4:
                    await asyncio.sleep(0)
            rounds += 1
            await asyncio.sleep(max(0.0, begun + rounds * EVERY_S - time.monotonic()))
        if open_:
            await asyncio.wait(open_)
        return took


@contextlib.asynccontextmanager
async def _fleet(healthy: int, modes: Sequence[str]) -> AsyncIterator[Fleet]:
    with tempfile.TemporaryDirectory() as place:
        plugins, scratch = Path(place, "plugins"), Path(place, "scratch")
        scratch.mkdir()
        for number in range(healthy):
            folder = plugins / f"healthy-{number}"
            folder.mkdir(parents=True)
            (folder / "plugin.py").write_text(ECHO)
            (folder / "plugin.toml").write_text(
                f'[plugin]\nname = "healthy-{number}"\nversion = "1.0.0"\nhandles = ["ml-driven"]\nentry = "plugin:Plugin"\n'
            )
        for mode in modes:
            write_peer(plugins, mode)
        clock = SystemClock()
        registry = Registry(clock)
        config = SupervisorConfig(restarts=RESTARTS, client=ClientLimits(grace_s=0.2))
        # Whatever layers this machine has: starting a confined process does not hold the loop up.
        opened = await open_sandbox(SandboxPolicy(isolation="best-effort", min_tier="none"), clock)
        supervisor = Supervisor(plugins, scratch, registry, opened.launcher, clock, config, opened.sandbox)
        try:
            await supervisor.start()
            await supervisor.wait_settled(120)
            gc.collect()
            gc.freeze()  # as `engine-ops serve` does once it is up
            yield Fleet(supervisor, registry)
        finally:
            await supervisor.aclose()
            await opened.aclose()


class Stalls:
    """How long the loop was away: by the clock, and by its own use of the processor.

    On a machine that others use too the first says mostly how long the host had to wait for a processor; the second is
    what its code did in one stretch, whoever else was running.
    """

    def __init__(self) -> None:
        self.by_clock: list[float] = []
        self.own: list[float] = []

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            due, used = time.monotonic() + TICK_S, time.thread_time()
            await asyncio.sleep(TICK_S)
            self.by_clock.append(time.monotonic() - due)
            self.own.append(time.thread_time() - used)


async def _measure() -> dict[str, Any]:
    shown: dict[str, Any] = {}
    names = [f"healthy-{number}" for number in range(HEALTHY)]
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    stalls = {"alone": Stalls(), "beside": Stalls(), "floods only": Stalls()}
    async with _fleet(HEALTHY, MODES) as fleet:
        quiet = [fleet.registry.get(mode).keeper for mode in MODES]
        for _ in range(TURNS):
            for who, took, more in (("alone", alone, ()), ("beside", beside, MODES)):
                for keeper in quiet:
                    assert keeper is not None
                    await (keeper.enable() if more else keeper.disable())
                watch = asyncio.create_task(stalls[who].watch())
                took.append(await fleet.drive([*names, *more], PHASE_S))
                watch.cancel()
    async with _fleet(1, FLOODS) as fleet:
        watch = asyncio.create_task(stalls["floods only"].watch())
        await fleet.drive(["healthy-0", *FLOODS], PHASE_S)
        watch.cancel()
    for who, turns in (("alone", alone), (f"beside {MISBEHAVING} that misbehave", beside)):
        took = [each for turn in turns for each in turn]
        shown[f"{HEALTHY} healthy, {who}: calls"] = len(took)
        shown[f"{HEALTHY} healthy, {who}: p50 / p99 / most, ms"] = _shown(took)
    ratios = [_quantiles(b)[1] / _quantiles(a)[1] for a, b in zip(alone, beside, strict=True)]
    shown["p99 beside / p99 alone, median of the turns (aim: at most 2)"] = round(
        statistics.median(ratios), 2
    )
    shown["the same, least and most of a turn"] = f"{min(ratios):.2f} .. {max(ratios):.2f}"
    for who, stall in stalls.items():
        shown[f"the loop away by its own doing, {who}: p50 / p99 / most, ms"] = _shown(stall.own)
        shown[f"the loop late by the clock, {who}: p50 / p99 / most, ms"] = _shown(stall.by_clock)
    shown["load average of the machine at the end"] = os.getloadavg()[0]
    return shown


def run() -> dict[str, Any]:
    """The figures, on uvloop as the host runs."""
    import uvloop

    logging.getLogger("host").setLevel(logging.CRITICAL)  # what is logged of a plugin each time that it ends

    return uvloop.run(_measure())

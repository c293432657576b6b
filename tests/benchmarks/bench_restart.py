"""What a restart costs whoever waits for the plugin: from its death to the first answer of the next process.

By the launcher alone, from a zygote and from a parked child; and by the whole supervisor, as a caller meets it,
after `kill -9` and on an operator's order. Goal: less than 10 ms with a parked child.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from host.clock import SystemClock
from host.errors import PluginError
from host.process.launcher import SandboxLauncher
from host.registry.registry import Registry
from host.sandbox.opening import open_sandbox
from host.sandbox.policy import SandboxPolicy
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import Supervisor, SupervisorConfig
from tests.benchmarks.starting import SCIENCE, Yard, empty_interpreter, end, ms, yard

ROUNDS = 25
KILLS = 12
MANIFEST = '[plugin]\nname = "science"\nversion = "1.0.0"\nhandles = ["ml-driven"]\nentry = "plugin:Plugin"\n'
PARAMS = msgspec.json.encode({"input": 3.0})


async def _by_launcher(place: Yard) -> dict[str, Any]:
    spec = place.spec("science", forked=True)
    launcher = place.opened.launcher
    assert isinstance(launcher, SandboxLauncher)
    await place.first_answer(spec)
    times: dict[str, list[float]] = {"empty": [], "forked": [], "parked": []}
    for _ in range(ROUNDS):
        times["empty"].append(empty_interpreter())
        for name in ("forked", "parked"):
            child, _ = await place.start(spec)
            if name == "parked":
                await launcher.park(spec)
            began = time.perf_counter()
            os.kill(child.pid, signal.SIGKILL)
            await asyncio.shield(child.exited)
            fresh, _ = await place.start(spec)
            times[name].append(time.perf_counter() - began)
            child.close_pipes()
            await end(fresh)
    at = {name: statistics.median(each) for name, each in times.items()}
    return {
        "scikit-learn, death to answer, from the zygote, ms": ms(at["forked"]),
        "scikit-learn, death to answer, parked, ms (goal 10)": ms(at["parked"]),
        "parked / python -I -S -c pass": round(at["parked"] / at["empty"], 2),
    }


async def _by_supervisor() -> dict[str, Any]:
    clock, registry = SystemClock(), Registry(SystemClock())
    # As many starts as are measured; the delay before each is the default's.
    config = SupervisorConfig(restarts=RestartPolicy(intensity=10 * KILLS))
    opened = await open_sandbox(SandboxPolicy(isolation="best-effort"), clock)
    with tempfile.TemporaryDirectory(prefix="engine-ops-bench-") as base:
        plugins, scratch = Path(base, "plugins"), Path(base, "scratch")
        (plugins / "science").mkdir(parents=True)
        scratch.mkdir()
        Path(base).chmod(0o755)
        (plugins / "science" / "plugin.toml").write_text(MANIFEST)
        (plugins / "science" / "plugin.py").write_text(SCIENCE)
        supervisor = Supervisor(plugins, scratch, registry, opened.launcher, clock, config, opened.sandbox)
        await supervisor.start()
        try:
            await supervisor.wait_settled(60)
            return await _as_a_caller(registry)
        finally:
            await supervisor.aclose()
            await opened.aclose()


async def _as_a_caller(registry: Registry) -> dict[str, Any]:
    keeper = registry.get("science").keeper
    assert keeper is not None
    await _answer(registry)
    killed, ordered = [], []
    for _ in range(KILLS):
        began = time.perf_counter()
        await keeper.restart()
        await _answer(registry)
        ordered.append(time.perf_counter() - began)
        pid = keeper.view().pid
        assert pid is not None
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        await _answer(registry)
        killed.append(time.perf_counter() - began)
    return {
        "by the supervisor, an operator's restart, to its answer, ms": ms(statistics.median(ordered)),
        "by the supervisor, kill -9 to the next answer, ms": ms(statistics.median(killed)),
        "the same, least and most, ms": f"{ms(min(killed))} .. {ms(max(killed))}",
    }


async def _answer(registry: Registry) -> None:
    """Asks until it answers, as a caller who tries again at once."""
    async with asyncio.timeout(60):
        while True:
            try:
                await registry.get("science").call("predict", PARAMS, deadline=time.monotonic() + 10)
                return
            except PluginError:
                await asyncio.sleep(0.0005)


async def _run() -> dict[str, Any]:
    async with yard() as place:
        found = await _by_launcher(place)
    return found | await _by_supervisor()


def run() -> dict[str, Any]:
    """The figures, on uvloop as the host runs."""
    import uvloop

    return uvloop.run(_run())

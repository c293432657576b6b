"""Orders that come at any moment of a start or a stop, in the sandbox and out of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random

import psutil
import pytest

from host.supervisor.restart import RestartPolicy

PLUGIN = """
class Plugin:
    def predict(self, input):
        return {"echo": input}
"""
AT_ONCE = RestartPolicy(base_s=0.0, cap_s=0.0, intensity=1000)


async def breathe(draw, most=3000):
    """Lets the loop turn for a while that is another each time."""
    for _ in range(draw.randrange(most)):
        await asyncio.sleep(0)


def held(tmp_path):
    """How much of what a start takes and an end gives back there is: processes, descriptors, scratch folders."""
    return (
        len(psutil.Process().children(recursive=True)),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir(tmp_path / "scratch")),
    )


def is_stocked(rig):
    """Whether the launcher has as many children ready as it keeps; those are nobody's yet, and always as many.

    Process 1 of each has forked the one that is to be the plugin, where they have a pid namespace of their own.
    """
    launcher = rig.supervisor._around.launcher
    cells = getattr(launcher, "_cells", {})
    if any(len(each) != launcher._tools.cells for each in cells.values()):
        return False
    if rig.supervisor.sandbox.tier != "A":
        return True
    try:
        return all(psutil.Process(cell.launched.pid).children() for each in cells.values() for cell in each)
    except psutil.NoSuchProcess:  # one that was killed is replaced
        return False


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_orders_and_kills_ends_as_the_last_one_says(
    folders, start_rig, eventually, tmp_path, seed
):
    folders.write("it", PLUGIN)
    draw, killed = random.Random(seed), set()
    async with start_rig(folders.directory, restarts=AT_ONCE) as rig, asyncio.timeout(60):
        keeper = rig.registry.get("it").keeper
        await keeper.disable()
        await eventually(lambda: is_stocked(rig))
        rest, callers = held(tmp_path), []
        for _ in range(25):
            order = draw.choice(["enable", "disable", "restart", "kill", "breathe", "settle"])
            pid = rig.view("it").pid
            if order == "kill" and pid is not None:
                killed.add(pid)
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended this moment, and nobody knows yet
                    psutil.Process(pid).kill()
            elif order == "settle":
                await keeper.wait_settled()
            elif order == "breathe":
                await breathe(draw)
            elif order != "kill":
                callers.append(asyncio.ensure_future(getattr(keeper, order)()))
                await asyncio.sleep(0)
        await keeper.enable()
        await asyncio.gather(*callers)
        # What was killed in the last moment may not be known to be dead yet.
        await eventually(lambda: rig.state("it") == "ready" and rig.view("it").pid not in {None, *killed})
        assert (await rig.ask("it", "predict", {"input": seed}))["prediction"] == {"echo": seed}
        await keeper.disable()
        assert rig.state("it") == "stopped"
        await eventually(lambda: is_stocked(rig) and held(tmp_path) == rest)


@pytest.mark.parametrize("seed", range(6))
async def test_a_start_that_is_cancelled_at_any_moment_leaves_nothing(
    folders, start_rig, eventually, tmp_path, seed
):
    folders.write("it", PLUGIN)
    async with start_rig(folders.directory, restarts=AT_ONCE) as rig, asyncio.timeout(60):
        keeper = rig.registry.get("it").keeper
        await keeper.disable()
        await eventually(lambda: is_stocked(rig))
        rest = held(tmp_path)
        starting = asyncio.ensure_future(keeper.enable())
        await eventually(lambda: rig.state("it") == "starting")
        await breathe(random.Random(seed))
        for task in rig.supervisor._kept["it"]._tasks:
            task.cancel()
        await starting
        await eventually(lambda: is_stocked(rig) and held(tmp_path) == rest)

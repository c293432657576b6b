"""Children made ahead of need: taken when one is started, made anew, and never left behind."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import psutil
import pytest

from host.process.cell import Cell as ReadyCell
from host.process.child import LaunchError
from tests.integration.sandbox.prison import open_prison, with_plan
from tests.processes import running


@pytest.fixture
async def prison(tmp_path):
    async with open_prison(tmp_path, cells=2) as prison:
        if prison.opened.sandbox.tier != "A":
            pytest.skip(f"NOT TIER A HERE: {prison.opened.sandbox.layers['namespaces']}")
        yield prison


def held(pid: int) -> tuple[str, int, int]:
    """No new privileges, and capabilities that it has or could have."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    value = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return value["NoNewPrivs"], int(value["CapEff"], 16), int(value["CapBnd"], 16)


def ready(prison) -> list[ReadyCell]:
    return [each for cells in prison.launcher._cells.values() for each in cells]


async def test_the_next_start_of_another_plugin_takes_one_and_it_is_replaced(prison, eventually):
    first = await prison.inmate(name="first")
    await eventually(lambda: len(ready(prison)) == 2)
    waiting = {each.launched.pid for each in ready(prison)}
    second = await prison.inmate(name="second", more='[limits]\nmemory = "96MiB"\ncpu = 0.5\n')
    assert psutil.Process(second.child.pid).ppid() in waiting, "its process 1 was there before"
    assert psutil.Process(first.child.pid).ppid() not in waiting
    assert (await second.attempt("answer = len(bytearray(200 * 2**20))"))["raised"] == "MemoryError"
    if (usage := second.child.usage) is not None:
        assert usage.peak_bytes is None or usage.peak_bytes < 96 * 2**20, "the limits are the plugin's own"
    await eventually(lambda: len(ready(prison)) == 2)


async def test_a_cell_holds_nothing_of_a_plugin_and_has_no_rights_that_its_process_1_could_use(
    prison, eventually
):
    await prison.inmate()
    await eventually(lambda: len(ready(prison)) == 2)
    for each in ready(prison):
        init = psutil.Process(each.launched.pid)
        await eventually(lambda init=init: len(init.children()) == 1)
        await eventually(lambda init=init: held(init.pid) == ("1", 0, 0))


async def test_one_that_has_died_or_whose_zygote_has_is_not_taken(prison, eventually):
    await prison.inmate()
    await eventually(lambda: len(ready(prison)) == 2)
    dead = ready(prison)[-1].launched.pid
    os.kill(dead, signal.SIGKILL)
    await eventually(lambda: not running(dead))
    other = await prison.inmate(name="other")
    assert await other.run("answer = 1") == 1
    await eventually(lambda: len(ready(prison)) == 2)
    (zygote,) = (pid for preload, pid in prison.launcher.spawner_pids().items() if preload)
    os.kill(zygote, signal.SIGKILL)
    await eventually(lambda: zygote not in prison.launcher.spawner_pids().values())
    third = await prison.inmate(name="third")
    assert await third.run("answer = 1") == 1
    assert await other.run("answer = 2") == 2, "what the zygote had made lives on"


async def test_a_start_that_fails_uses_its_cell_up_and_the_next_is_not_hindered(prison, eventually):
    cell = await prison.inmate()
    await eventually(lambda: len(ready(prison)) == 2)
    taken = ready(prison)[-1].launched.pid
    spec = prison.spec(prison.write(name="broken"))
    with pytest.raises(LaunchError, match="could not be confined"):
        await prison.launcher.launch(with_plan(spec, limits={"RLIMIT_NONSENSE": 1}))
    await eventually(lambda: not running(taken))
    assert await (await prison.inmate(name="broken")).run("answer = 3") == 3
    assert await cell.run("answer = 4") == 4


async def test_plans_that_differ_in_namespaces_or_ids_get_no_cell_of_each_other(prison, eventually):
    cell = await prison.inmate()
    await eventually(lambda: len(ready(prison)) == 2)
    before = {each.launched.pid for each in ready(prison)}
    spec = cell.child.spec
    other = dataclasses.replace(with_plan(spec, bounding=not spec.confinement.plan["bounding"]), name="other")
    with pytest.raises(LaunchError, match=r"CapBnd|confined"):
        # What empties no bounding set is not held as the machine's plugins are; it came from no ready cell.
        await prison.launcher.launch(with_plan(other, seccomp={"main": "AAAA"}))
    assert {each.launched.pid for each in ready(prison)} >= before


async def test_closing_leaves_none(tmp_path, eventually):
    async with open_prison(tmp_path, cells=2) as prison:
        await prison.inmate()
        await eventually(lambda: len(ready(prison)) == 2 or prison.opened.sandbox.tier != "A")
        pids = [each.launched.pid for each in ready(prison)]
        family = [child.pid for pid in pids for child in psutil.Process(pid).children()]
    await eventually(lambda: not any(map(running, (*pids, *family))))

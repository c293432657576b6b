"""Zygotes that plugins are forked from, and children that are parked for the next of them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from pathlib import Path

import psutil

from host.clock import SystemClock
from host.process.launcher import SandboxLauncher
from host.sandbox.opening import PROGRAM
from tests.processes import running


async def test_a_plugin_outlives_its_zygote_and_the_next_comes_from_a_new_one(prison, eventually):
    cell = await prison.inmate()
    preload = cell.child.spec.confinement.preload
    old = prison.launcher.spawner_pids()[preload]
    os.kill(old, signal.SIGKILL)
    await eventually(lambda: not running(old))
    assert await cell.run("answer = 'alive'") == "alive"
    second = await prison.inmate(name="second")
    assert prison.launcher.spawner_pids()[preload] != old
    # Its end is known all the same, with its code: process 1 of its namespace says so.
    assert (await cell.end("import os; os._exit(5)")).exit_code == 5
    assert await second.run("answer = 2") == 2


async def test_a_plugin_whose_zygote_died_can_be_killed_and_its_end_is_known(prison, eventually):
    cell = await prison.inmate()
    old = prison.launcher.spawner_pids()[cell.child.spec.confinement.preload]
    os.kill(old, signal.SIGKILL)
    await eventually(lambda: not running(old))
    cell.child.kill("timeout", "it hangs")
    report = await asyncio.wait_for(asyncio.shield(cell.child.exited), 20)
    assert (report.cause, report.signal) == ("timeout", "SIGKILL")
    assert not running(cell.child.pid)


async def test_a_zygote_goes_without_a_module_that_starts_threads(prison, tmp_path):
    """Its forks would wait for ever for what a thread holds that they do not have."""
    (tmp_path / "starts_one.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    program = tmp_path / "program.py"
    text = PROGRAM.read_text().replace("os.path.abspath(__file__)", repr(str(PROGRAM)))
    program.write_text(
        text.replace("    modules = ", f"    sys.path.insert(0, {str(tmp_path)!r})\n    modules = ")
    )
    launcher = SandboxLauncher(SystemClock(), dataclasses.replace(prison.launcher._tools, program=program))
    spec = prison.spec(prison.write())
    assert spec.confinement is not None
    preload = ("starts_one", *spec.confinement.preload)
    spec = dataclasses.replace(spec, confinement=dataclasses.replace(spec.confinement, preload=preload))
    try:
        child = await launcher.launch(spec)
        assert psutil.Process(launcher.spawner_pids()[preload]).num_threads() == 1
        child.kill("stopped", "it was started")
        await child.exited
        child.close_pipes()
    finally:
        await launcher.aclose()


async def test_a_zygote_keeps_no_descriptor_of_what_it_made(prison):
    cell = await prison.inmate()
    zygote = psutil.Process(prison.launcher.spawner_pids()[cell.child.spec.confinement.preload])
    after_one = zygote.num_fds()
    cells = [await prison.inmate(name=f"n{i}") for i in range(3)]
    assert zygote.num_fds() == after_one + 3  # a pidfd each
    for each in cells:
        await each.close()
    assert zygote.num_threads() == 1


async def test_a_parked_child_is_what_the_next_launch_gets_and_it_has_run_nothing(prison, tmp_path):
    mark = tmp_path / "inmate" / "__pycache__"
    spec = prison.spec(prison.write())
    await prison.launcher.park(spec)
    (parked,) = [p for p in psutil.Process().children(recursive=True) if "2" in (_ns_pids(p.pid)[-1:])]
    assert not mark.exists()
    cell = await prison.inmate()
    assert cell.child.pid == parked.pid
    again = await prison.inmate()
    assert again.child.pid != parked.pid


async def test_a_parked_child_of_another_plan_or_that_has_died_is_not_run(prison, eventually):
    spec = prison.spec(prison.write())
    await prison.launcher.park(dataclasses.replace(spec, nice=3))
    cell = await prison.start(spec)
    assert cell.child.spec == spec
    await prison.launcher.park(spec)
    (parked,) = [
        p.pid
        for p in psutil.Process().children(recursive=True)
        if "2" in _ns_pids(p.pid)[-1:] and p.pid != cell.child.pid
    ]
    os.kill(parked, signal.SIGKILL)
    await eventually(lambda: not running(parked))
    other = await prison.start(spec)
    assert (await other.call("ping", {}))["result"] == {}


async def test_parked_children_have_few_places_and_are_let_go(prison, eventually):
    specs = [prison.spec(prison.write(f"n{i}")) for i in range(6)]
    for spec in specs:
        await prison.launcher.park(spec)

    def waiting():
        return [p for p in psutil.Process().children(recursive=True) if "2" in _ns_pids(p.pid)[-1:]]

    await eventually(lambda: len(waiting()) == 4)
    for spec in specs:
        prison.launcher.unpark(spec.name)
    await eventually(lambda: waiting() == [])


def _ns_pids(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return next(line.split()[1:] for line in text.splitlines() if line.startswith("NSpid:"))

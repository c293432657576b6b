"""A plugin that ends or hangs at one moment of its life: while it is imported, made, trained, let go."""

from __future__ import annotations

import time

import psutil
import pytest

from host.errors import CallLateError, PluginGoneError
from host.supervisor.restart import RestartPolicy

WAYS = {
    "exits": ("os._exit(9)", "exit", "code 9"),
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV); time.sleep(1000)", "signal", "SIGSEGV"),
    "hangs": ("time.sleep(1000)", "timeout", "did not come up"),
}
HEAD = "import os, signal, time\n"
LIMITS = '[limits]\nstart_timeout = "{start}"\n'
OTHER = "class Plugin:\n    def predict(self, input):\n        return 1\n"
LEARNS = """
class Plugin:
    def predict(self, input):
        return 1
    def train(self, data):
        {what}
"""
LEAVES = """
class Plugin:
    def predict(self, input):
        return 1
    def shutdown(self):
        {what}
"""
POINT = {
    "timestamp": 1.0,
    "requestType": "ml-driven",
    "resourceUsage": {},
    "duration": 1.0,
    "success": True,
    "metadata": {},
}


@pytest.mark.fault("life-import")
@pytest.mark.parametrize("way", WAYS)
async def test_one_that_goes_wrong_while_it_is_imported_is_ended_and_tried_again(
    folders, start_rig, eventually, way
):
    what, cause, says = WAYS[way]
    folders.write(
        "wrong", HEAD + what + "\n" + OTHER, manifest=LIMITS.format(start="1s" if way == "hangs" else "20s")
    )
    folders.write("other", OTHER)
    restarts = RestartPolicy(base_s=0.01, cap_s=0.02, intensity=2)
    async with start_rig(folders.directory, restarts=restarts, settled=False) as rig:
        await eventually(lambda: rig.state("wrong") == "quarantined" and rig.state("other") == "ready")
        report = rig.view("wrong").last_exit
        assert (rig.view("wrong").epoch, report.cause) == (2, cause)
        assert says in report.summary
        assert (await rig.ask("other", "predict", {"input": 1}))["prediction"] == 1


@pytest.mark.fault("life-train")
@pytest.mark.parametrize("way", WAYS)
async def test_one_that_goes_wrong_while_it_is_trained_is_started_again_and_others_never_notice(
    folders, start_rig, eventually, way
):
    what, cause, says = WAYS[way]
    folders.write("wrong", HEAD + LEARNS.format(what=what))
    folders.write("other", OTHER)
    async with start_rig(folders.directory) as rig:
        pid = rig.view("wrong").pid
        error = CallLateError if way == "hangs" else PluginGoneError
        with pytest.raises(error):
            await rig.ask("wrong", "train", {"points": [POINT] * 12}, timeout_s=0.3 if way == "hangs" else 20)
        assert (await rig.ask("other", "predict", {"input": 1}))["prediction"] == 1
        await eventually(lambda: rig.view("wrong").restarts == 1 and rig.state("wrong") == "ready")
        assert not psutil.pid_exists(pid)
        report = rig.view("wrong").last_exit
        assert report.cause == cause
        assert ("it hangs" if way == "hangs" else says) in report.summary
        assert (await rig.ask("wrong", "predict", {"input": 1}))["prediction"] == 1


@pytest.mark.fault("life-leave")
@pytest.mark.parametrize("way", WAYS)
async def test_one_that_goes_wrong_while_it_is_let_go_is_gone_all_the_same(folders, start_rig, way):
    folders.write("wrong", HEAD + LEAVES.format(what=WAYS[way][0]))
    async with start_rig(folders.directory) as rig:
        pid = rig.view("wrong").pid
        begun = time.monotonic()
        await rig.registry.get("wrong").keeper.disable()
        assert rig.state("wrong") == "stopped"
        assert rig.view("wrong").last_exit.cause == "stopped"
        assert not psutil.pid_exists(pid)
        assert time.monotonic() - begun < 30, (
            "shutdown 2 s, SIGTERM 3 s, then SIGKILL; the machine may be busy"
        )

"""Real programs: started, watched, stopped, and nothing of them left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import psutil
import pytest

from host.clock import SystemClock
from host.process import child as child_module
from host.process.child import LaunchError, LocalLauncher, stop_all
from host.process.spec import LaunchSpec, ResourceLimits
from tests.processes import running


@pytest.fixture
async def launch(tmp_path):
    """`launch("shell script", ...)`; whatever was started is gone afterwards."""
    children = []

    async def start(script, *, limits=None, env=None, cwd=None, argv=None, umask=0o077, nice=0):
        spec = LaunchSpec(
            name="it",
            argv=argv or ("/bin/sh", "-c", script),
            cwd=str(cwd or tmp_path),
            env=env or {"PATH": "/usr/bin:/bin"},
            limits=limits or ResourceLimits(),
            umask=umask,
            nice=nice,
        )
        children.append(await LocalLauncher(SystemClock()).launch(spec))
        return children[-1]

    yield start
    for each in children:
        each.kill("stopped", "the test is over")
        async with asyncio.timeout(10):
            await asyncio.shield(each.exited)
        each.close_pipes()


async def ended(child):
    async with asyncio.timeout(10):
        return await asyncio.shield(child.exited)


async def said(child, eventually, count=1):
    """The first *count* lines on its stderr."""
    await eventually(lambda: len(child.output.tail(1000)) >= count and not child._stderr_open)
    return child.output.tail(1000)


async def test_an_exit_is_reported_with_its_code_and_what_it_used(launch):
    report = await ended(await launch("exit 3"))
    assert (report.cause, report.exit_code) == ("exit", 3)
    assert report.peak_rss_bytes > 0
    assert report.cpu_s >= 0


async def test_a_signal_is_reported_by_name(launch):
    assert (await ended(await launch("kill -ABRT $$"))).signal == "SIGABRT"


async def test_a_program_that_is_not_there_says_so_on_its_log(launch, eventually):
    child = await launch("", argv=("no-such-program",))
    assert (await ended(child)).exit_code == 127
    assert await said(child, eventually) == ["it: cannot run 'no-such-program': No such file or directory"]


async def test_a_folder_that_is_not_there_is_a_launch_error_and_leaves_nothing_open(launch, tmp_path):
    before = os.listdir("/proc/self/fd")
    with pytest.raises(LaunchError, match=r"cannot start it in .*gone: No such file"):
        await launch("true", cwd=tmp_path / "gone")
    assert os.listdir("/proc/self/fd") == before


async def test_no_descriptor_for_the_watch_is_a_launch_error_and_leaves_no_process(launch, monkeypatch):
    started = []

    def refuse(pid):
        started.append(pid)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(child_module.os, "pidfd_open", refuse)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(LaunchError, match="Too many open files"):
        await launch("cat")
    assert os.listdir("/proc/self/fd") == before
    assert started and not psutil.pid_exists(started[0])


async def test_its_environment_umask_and_niceness_are_those_of_the_spec_alone(
    launch, eventually, monkeypatch
):
    monkeypatch.setenv("SECRET", "hidden")
    child = await launch("env >&2; umask >&2; nice >&2", env={"PATH": "/usr/bin:/bin", "A": "b"}, nice=3)
    await ended(child)
    lines = await said(child, eventually)
    assert "A=b" in lines
    assert not any("SECRET" in line for line in lines)
    assert "0077" in lines
    assert lines[-1] == str(os.nice(0) + 3)


async def test_it_has_a_session_of_its_own_no_new_privileges_and_three_descriptors(launch, eventually):
    code = (
        "import os, sys\n"
        "print(os.getsid(0) == os.getpid(), file=sys.stderr)\n"
        "print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')], file=sys.stderr)\n"
        "fd = os.open('/proc/self/fd', os.O_RDONLY)\n"
        "print(sorted(int(n) for n in os.listdir(fd) if int(n) != fd)[:4], file=sys.stderr)\n"
    )
    child = await launch("", argv=(sys.executable, "-I", "-S", "-c", code))
    await ended(child)
    own, privileges, descriptors = await said(child, eventually, 3)
    assert own == "True"
    assert privileges == "['NoNewPrivs:\\t1\\n']"
    assert descriptors.startswith("[0, 1, 2")


async def test_limits_hold_what_they_bound(launch, eventually):
    code = (
        "import sys\n"
        "try:\n"
        "    bytearray(300 << 20)\n"
        "except MemoryError:\n"
        "    print('no memory', file=sys.stderr)\n"
        "try:\n"
        "    files = [open('/dev/null') for _ in range(64)]\n"
        "except OSError as error:\n"
        "    print(error.errno, file=sys.stderr)\n"
    )
    limits = ResourceLimits(data_bytes=128 << 20, open_files=32)
    child = await launch("", argv=(sys.executable, "-I", "-S", "-c", code), limits=limits)
    await ended(child)
    assert await said(child, eventually, 2) == ["no memory", "24"]


async def test_a_limit_that_cannot_be_set_keeps_the_program_from_running(launch, eventually):
    child = await launch("echo ran >&2", limits=ResourceLimits(open_files=-5))
    report = await ended(child)
    assert report.cause == "notConfined"
    lines = await said(child, eventually)
    assert lines[0].startswith("it: it was not started, since it could not be confined")
    assert "ran" not in lines


async def test_signals_that_the_host_ignores_are_not_ignored_by_the_program(launch):
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN, "or this test tries nothing"
    assert (await ended(await launch("kill -PIPE $$; exit 0"))).signal == "SIGPIPE"


async def test_stop_asks_first(launch, eventually):
    child = await launch("trap 'exit 5' TERM; echo up >&2; while :; do :; done")
    await eventually(lambda: "up" in child.output.tail(9))
    async with asyncio.timeout(10):
        report = await child.stop()
    assert (report.cause, report.exit_code) == ("stopped", 5)


async def test_stop_insists_after_the_grace_period(launch, eventually, monkeypatch):
    monkeypatch.setattr(child_module, "TERM_GRACE_S", 0.1)
    child = await launch("trap '' TERM; echo up >&2; while :; do :; done")
    await eventually(lambda: "up" in child.output.tail(9))
    async with asyncio.timeout(10):
        report = await child.stop(why="enough")
    assert (report.cause, report.signal) == ("stopped", "SIGKILL")
    assert report.summary.startswith("enough after")


async def test_what_it_left_behind_in_its_group_ends_with_it(launch, eventually):
    child = await launch("sleep 1000 & echo $! >&2; kill -KILL $$")
    report = await ended(child)  # known although the sleeper holds all three pipes
    assert report.signal == "SIGKILL"
    (line,) = await said(child, eventually)
    await eventually(lambda: not running(int(line)))


async def test_a_kill_that_came_too_late_is_not_what_ended_it(launch):
    child = await launch("exit 7")
    # Until it is dead, with the loop kept from looking.
    assert os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT) is not None  # noqa: ASYNC222
    child.kill("timeout", "it hangs")
    report = await ended(child)
    assert (report.cause, report.exit_code) == ("exit", 7)


async def test_of_two_orders_the_first_is_the_cause(launch):
    child = await launch("cat")
    child.kill("memory", "it held too much")
    child.kill("stopped", "later")
    assert (await ended(child)).cause == "memory"
    child.kill("timeout", "it is long dead")
    assert (await child.stop()).cause == "memory"
    child.close_pipes()
    child.close_pipes()


async def test_a_flood_on_stderr_leaves_the_loop_free_and_the_host_small(launch, eventually):
    child = await launch("yes 'a line that goes on and on' >&2")
    await eventually(lambda: child.output.bytes_seen > 4_000_000)
    assert len(child.output.tail(100_000)) <= 257
    child.kill("stopped", "enough")
    await ended(child)


async def test_several_are_stopped_at_once_and_no_descriptor_is_left(launch):
    before = len(os.listdir("/proc/self/fd"))
    children = [await launch("cat") for _ in range(4)]
    async with asyncio.timeout(10):
        await stop_all(children)
    for each in children:
        each.close_pipes()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not any(psutil.pid_exists(each.pid) for each in children)

"""How confined programs end: of themselves, by a signal, by a forbidden call, by order; and what is said of it."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from host.sandbox.interpreter import this_interpreter
from tests.processes import running

SIGNALS = ["SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGUSR1"]


@pytest.mark.parametrize("name", SIGNALS)
async def test_a_signal_it_sends_itself_is_its_end_and_is_named(prison, name):
    """As process 1 of its namespace it would not even notice."""
    cell = await prison.inmate()
    report = await cell.end(f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert (report.cause, report.signal) == ("signal", name)


async def test_abort_and_a_wild_pointer_are_named_as_what_they_are(prison):
    cell = await prison.inmate()
    assert (await cell.end("import os; os.abort()")).signal == "SIGABRT"
    cell = await prison.inmate(name="wild")
    assert (await cell.end("import ctypes; ctypes.string_at(0)")).signal == "SIGSEGV"


async def test_an_exit_code_is_reported(prison):
    cell = await prison.inmate()
    report = await cell.end("import os; os._exit(7)")
    assert (report.cause, report.exit_code) == ("exit", 7)
    assert report.cpu_s is not None
    assert report.cpu_s > 0


async def test_a_call_that_no_honest_plugin_makes_ends_it_and_is_named(prison):
    if not prison.opened.sandbox.machine.listener:
        pytest.skip("NO LISTENER HERE: a container's own filter has taken it")
    cell = await prison.inmate()
    report = await cell.end("import ctypes; ctypes.CDLL(None, use_errno=True).unshare(0x10000000)")
    assert (report.cause, report.syscall) == ("seccomp", "unshare")
    assert "unshare" in report.summary


async def test_an_exec_d_plugin_has_one_exec_and_that_was_the_sandboxs_own(prison):
    """A plugin with an interpreter of its own: the first execve passes, the second is an alarm."""
    if not prison.opened.sandbox.machine.listener:
        pytest.skip("NO LISTENER HERE: a container's own filter has taken it")
    spec = prison.spec(prison.write(), interpreter=this_interpreter())
    assert spec.confinement is not None
    assert spec.confinement.preload == ()
    cell = await prison.inmate(change=lambda _: spec)
    report = await cell.end("import os; os.execv('/bin/true', ['true'])")
    assert (report.cause, report.syscall) == ("seccomp", "execve")


async def test_stop_asks_before_it_insists(prison):
    cell = await prison.inmate()
    report = await cell.child.stop()
    assert (report.cause, report.signal) == ("stopped", "SIGTERM")


async def test_a_program_that_ignores_sigterm_is_killed(prison):
    cell = await prison.inmate()
    await cell.run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); answer = 1")
    os.kill(cell.child.pid, signal.SIGTERM)
    assert await cell.run("answer = 'still here'") == "still here"
    report = await cell.child.stop()
    assert report.signal == "SIGKILL"
    assert not running(cell.child.pid)


async def test_a_stopped_program_is_killed_all_the_same(prison, eventually):
    cell = await prison.inmate()
    os.kill(cell.child.pid, signal.SIGSTOP)
    await eventually(lambda: psutil.Process(cell.child.pid).status() == psutil.STATUS_STOPPED)
    cell.child.kill("stopped", "enough")
    assert (await cell.child.exited).cause == "stopped"


async def test_what_a_command_leaves_behind_goes_with_it(prison, eventually):
    machine = prison.opened.sandbox.machine
    if machine is None or machine.group is None:
        pytest.skip("NO CGROUP HERE: a command may not start processes")
    script = (
        "#!/bin/sh\nsetsid sleep 1000 <&- >&- 2>&- &\nsetsid sleep 1000 &\necho started\nread line\nexit 3\n"
    )
    folder = prison.write("leaver", entry='command = ["./run.sh"]')
    (folder / "run.sh").write_text(script)
    (folder / "run.sh").chmod(0o755)
    cell = await prison.start(prison.spec(folder))
    assert await cell._lines.get() == b"started"
    init = psutil.Process(cell.child.pid).parent()
    assert init is not None
    await eventually(lambda: [each.name() for each in init.children(recursive=True)].count("sleep") == 2)
    family = init.children(recursive=True)
    os.write(cell.child.stdin_fd, b"\n")
    assert (await cell.child.exited).exit_code == 3
    await eventually(lambda: not any(running(each.pid) for each in family))

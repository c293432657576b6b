"""How confined programs come to life and to their end: whoever dies, nothing is left that nobody holds."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from host.clock import SystemClock
from host.process.child import LaunchError
from host.process.launcher import SandboxLauncher
from host.sandbox.interpreter import this_interpreter
from host.sandbox.opening import PROGRAM
from host.sandbox.policy import SandboxPolicy
from tests.processes import running

from .prison import OBEDIENT, Prison, open_prison, with_plan

ROOT = Path(__file__).resolve().parents[3]
CLONE_FS = 0x200  # does not go together with new namespaces: clone(2) answers EINVAL
NO_NETWORK = "fork = fork_with; fork_with = lambda flags: fork(flags & ~0x40000000)"
SIGNALS = ["SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGUSR1"]


def group_of(prison: Prison) -> bool:
    return prison.opened.sandbox.machine is not None and prison.opened.sandbox.machine.group is not None


def tier_a(prison: Prison) -> None:
    if prison.opened.sandbox.tier != "A":
        pytest.skip(f"NOT TIER A HERE: {prison.opened.sandbox.layers['namespaces']}")


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
    if not group_of(prison):
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


HOST = """
import asyncio, sys, json
from pathlib import Path
sys.path.insert(0, {root!r})
from host.sandbox.policy import SandboxPolicy
from tests.integration.sandbox.prison import open_prison

async def main():
    async with open_prison(Path(sys.argv[1]), SandboxPolicy(min_tier="none")) as prison:
        cells = [await prison.inmate(name=f"n{{i}}") for i in range(2)]
        print(json.dumps([cell.child.pid for cell in cells] + list(prison.launcher.spawner_pids().values())), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_nothing_outlives_a_host_that_is_killed(tmp_path, eventually):
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST.format(root=str(ROOT)), str(tmp_path), stdout=subprocess.PIPE
    )
    assert host.stdout is not None
    pids = json.loads(await asyncio.wait_for(host.stdout.readline(), 60))
    assert len(pids) >= 4
    family = psutil.Process(host.pid).children(recursive=True)
    assert all(running(pid) for pid in pids)
    host.kill()
    await host.wait()
    await eventually(lambda: not any(running(pid) for pid in pids))
    await eventually(lambda: not any(running(each.pid) for each in family))


async def test_a_step_that_fails_is_named_and_nothing_is_left(prison, eventually):
    spec = prison.spec(prison.write())
    await prison.launcher.warm(spec.confinement.preload)
    descriptors = len(os.listdir("/proc/self/fd"))
    spawner = psutil.Process(prison.launcher.spawner_pids()[spec.confinement.preload])
    theirs = spawner.num_fds()
    plan = spec.confinement.plan
    broken = [
        ("landlock", {"landlock": {"abi": 7, "rules": [["/", "no such kind"]]}}),
        ("limits", {"limits": {"RLIMIT_NONSENSE": 1}}),
        ("seccomp", {"seccomp": {"main": "AAAA"}}),
    ]
    if plan["mounts"]:
        gone = {**plan["mounts"], "binds": [["/no/such/folder", "/x", "ro", False], *plan["mounts"]["binds"]]}
        broken += [
            ("sources", {"mounts": gone}),
            ("mounts", {"mounts": {**plan["mounts"], "root": "nonsense=1"}}),
        ]
        broken += [("namespaces", {"flags": plan["flags"] | CLONE_FS})]
    for step, changes in broken:
        with pytest.raises(LaunchError, match=f"could not be confined.*{step}"):
            await prison.launcher.launch(with_plan(spec, **changes))
    await eventually(lambda: spawner.num_fds() == theirs)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    await eventually(lambda: spawner.children() == [])


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        ("sequence._filter = lambda *_: None", "its Seccomp is 0"),
        ("sequence.give_up_privileges = lambda *_: None", "its NoNewPrivs is 0"),
        ("identity._set_capabilities = lambda *_: None", "its CapPrm is"),
        ("sequence.set_limits = lambda *_: None", "its RLIMIT_"),
        (NO_NETWORK, "in the host's net namespace"),
    ],
)
async def test_a_child_that_is_not_as_ordered_is_ended_before_its_first_line(
    prison, lie, complaint, tmp_path
):
    """The child that is tried says that all is well, and has left one step out."""
    if lie == NO_NETWORK:
        tier_a(prison)
    lying = tmp_path / "lying.py"
    text = PROGRAM.read_text()
    text = text.replace("os.path.abspath(__file__)", repr(str(PROGRAM)))
    last = "    sys.path.remove(root)\n"
    lying.write_text(
        text.replace(last, f"    from host.sandbox.confine import identity, sequence\n    {lie}\n" + last)
    )
    tools = dataclasses.replace(prison.launcher._tools, program=lying)
    launcher = SandboxLauncher(SystemClock(), tools)
    mark = tmp_path / "ran"
    spec = prison.spec(prison.write(code=f"open({str(mark)!r}, 'w')\n" + OBEDIENT))
    try:
        with pytest.raises(LaunchError, match=f"not held as ordered.*{complaint}"):
            await launcher.launch(spec)
    finally:
        await launcher.aclose()
    assert not mark.exists()


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


async def test_many_at_once_all_come_up(prison):
    specs = [prison.spec(prison.write(f"n{i}")) for i in range(12)]
    cells = await asyncio.gather(*(prison.start(spec) for spec in specs))
    answers = await asyncio.gather(*(cell.call("ping", {}) for cell in cells))
    assert [answer["result"] for answer in answers] == [{}] * 12
    assert len({cell.child.pid for cell in cells}) == 12


async def test_a_launch_that_is_cancelled_leaves_nothing(prison, eventually):
    spec = prison.spec(prison.write())
    await prison.launcher.warm(spec.confinement.preload)
    spawner = psutil.Process(prison.launcher.spawner_pids()[spec.confinement.preload])
    descriptors = len(os.listdir("/proc/self/fd"))
    for turns in range(12):
        task = asyncio.ensure_future(prison.launcher.launch(spec))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await eventually(lambda: spawner.children() == [])
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
    cell = await prison.inmate()
    assert await cell.run("answer = 1") == 1


async def test_where_namespaces_cannot_be_had_a_plugin_runs_in_the_tier_below(open_prison):
    async with open_prison(SandboxPolicy(isolation="best-effort")) as prison:
        machine = dataclasses.replace(
            prison.opened.sandbox.machine,
            namespaces="none",
            own_proc=False,
            why={"namespaces": "taken away here"},
        )
        prison.opened.sandbox = dataclasses.replace(prison.opened.sandbox, machine=machine)
        if not os.access(this_interpreter().folders[0], os.X_OK) or os.geteuid() == 0:
            # As root the interpreter may lie where nobody may read.
            prison.opened.sandbox = dataclasses.replace(
                prison.opened.sandbox,
                machine=dataclasses.replace(machine, uid=os.geteuid(), gid=os.getegid(), drops_ids=False),
            )
        assert prison.opened.sandbox.tier == "C"
        cell = await prison.inmate()
        assert cell.child.spec.layers["namespaces"] == "inactive: taken away here"
        assert (await cell.attempt("open('/etc/passwd')"))["errno"] == 13
        assert (await cell.attempt("import os; os.kill(os.getppid(), 9)"))["errno"] == 1
        write = await cell.run("import tempfile; f = tempfile.NamedTemporaryFile(); answer = f.name")
        assert write.startswith(str(prison.folder))
        assert (await cell.end("import os; os._exit(4)")).exit_code == 4


async def test_a_policy_that_wants_more_than_there_is_starts_nothing(open_prison):
    from host.sandbox.sandbox import RefusedError

    async with open_prison(SandboxPolicy()) as prison:
        machine = dataclasses.replace(
            prison.opened.sandbox.machine, namespaces="none", why={"namespaces": "no luck"}
        )
        prison.opened.sandbox = dataclasses.replace(prison.opened.sandbox, machine=machine)
        with pytest.raises(
            RefusedError, match=r"reaches tier C, the policy wants A .namespaces: no luck.*--allow-weak"
        ):
            prison.spec(prison.write())


async def test_without_a_group_a_shells_plugin_is_refused_and_another_command_may_not_fork(open_prison):
    from host.sandbox.sandbox import RefusedError

    async with open_prison(SandboxPolicy(min_tier="none"), use_groups=False) as prison:
        folder = prison.write("by-shell", entry='command = ["./run.sh"]')
        (folder / "run.sh").write_text("#!/usr/bin/env bash\n")
        with pytest.raises(RefusedError, match="only a cgroup holds the memory"):
            prison.spec(folder)
        plan = prison.spec(
            prison.write("binary", entry='command = ["/usr/bin/env", "true"]')
        ).confinement.plan
        assert plan["program"]["argv"] == ("/usr/bin/env", "true")
        cell = await prison.inmate()
        assert (await cell.attempt("import mmap; mmap.mmap(-1, 4096)"))["errno"] == 1  # shared, and uncounted


async def test_an_open_sandbox_closes_without_a_trace(tmp_path, eventually):
    before = len(os.listdir("/proc/self/fd"))
    async with open_prison(tmp_path) as prison:
        cell = await prison.inmate()
        pids = [cell.child.pid, *prison.launcher.spawner_pids().values()]
    await eventually(lambda: not any(running(pid) for pid in pids))
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_root_has_namespaces_without_a_user_namespace_too(prison):
    """Where user namespaces are switched off, root can make the others."""
    if os.geteuid() != 0:
        pytest.skip("NOT ROOT: without a user namespace there are no others")
    machine = dataclasses.replace(prison.opened.sandbox.machine, namespaces="root")
    prison.opened.sandbox = dataclasses.replace(prison.opened.sandbox, machine=machine)
    cell = await prison.inmate()
    assert await cell.run("import os; answer = os.getuid(), os.getgroups(), os.getcwd()") == [
        65534,
        [],
        "/plugin",
    ]
    assert (await cell.attempt("open('/etc/shadow')"))["raised"] == "FileNotFoundError"
    assert (await cell.attempt("import os; os.setuid(0)"))["errno"] == 1
    assert (await cell.end("import os; os.abort()")).signal == "SIGABRT"


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


async def test_a_folder_that_nobody_may_read_is_refused_with_the_remedy(prison):
    from host.sandbox.sandbox import RefusedError

    folder = prison.write()
    prison.spec(folder)
    if not prison.opened.sandbox.machine.drops_ids:
        pytest.skip("NOT ROOT: a plugin reads its folder as the host's own user")
    for path, mode in ((folder / "plugin.py", 0o600), (folder, 0o700)):
        path.chmod(mode)
        with pytest.raises(RefusedError, match=rf"{path} is closed to others.*chmod -R o.rX"):
            prison.spec(folder)
        path.chmod(0o755)


async def test_a_command_may_be_the_hosts_own_python_and_no_program_that_lies_elsewhere(prison, tmp_path):
    elsewhere = tmp_path / "tool"
    elsewhere.write_text("#!/bin/sh\necho ran\n")
    elsewhere.chmod(0o755)
    folder = prison.write("own", entry=f'command = [{json.dumps(sys.executable)}, "-c", "print(1 + 1)"]')
    cell = await prison.start(prison.spec(folder))
    assert await cell._lines.get() == b"2"
    if prison.opened.sandbox.machine.group is None:
        pytest.skip("NO CGROUP HERE: a shell's plugin is refused before it is looked for")
    folder = prison.write("other", entry=f'command = ["{elsewhere}"]')
    cell = await prison.start(prison.spec(folder))
    assert (await cell.child.exited).exit_code == 127
    cell.child.close_pipes()
    assert any("cannot run" in line and str(elsewhere) in line for line in cell.child.output.tail(5))

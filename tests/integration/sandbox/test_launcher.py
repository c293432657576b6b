"""How confined programs come to life and to their end: whoever dies, nothing is left that nobody holds."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
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


def tier_a(prison: Prison) -> None:
    if prison.opened.sandbox.tier != "A":
        pytest.skip(f"NOT TIER A HERE: {prison.opened.sandbox.layers['namespaces']}")


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

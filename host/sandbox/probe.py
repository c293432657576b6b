"""Finds out what this machine lets a sandbox be made of, by making one, in throwaway children.

No setting of the kernel is believed: whatever a machine says, what counts is whether a child comes to be confined.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from host.process.child import LaunchError
from host.process.launcher import SandboxLauncher
from host.process.spec import Confinement, LaunchSpec, ResourceLimits
from host.sandbox.confine.landlock import running_abi
from host.sandbox.interpreter import this_interpreter
from host.sandbox.machine import Machine
from host.sandbox.plan import make_plan
from host.sandbox.root import RootFolder
from host.sandbox.seccomp.profiles import SeccompProfile

log = logging.getLogger(__name__)

NOBODY = 65534
_SCRATCH_BYTES = 1 << 20
REMEDIES = {
    "namespaces": "let this user make user namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns), or in a container allow clone with CLONE_NEWUSER",
    "landlock": "boot a kernel of 5.13 or later with landlock among its lsm=",
    "seccomp": "run a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64",
    "alarm": "nothing to do: forbidden calls end a plugin all the same, without their name being known",
}


async def probe(launcher: SandboxLauncher, group: str | None, no_group: str = "") -> Machine:
    """The best machine whose sandbox a child can be put into here.

    Args:
        group: What holds a plugin and its children together; see `Machine.group`.
        no_group: Why nothing does.
    """
    why: dict[str, str] = {} if group else {"cgroup": no_group}
    uid, gid, drops = _outside_ids()
    bare = Machine(uid=uid, gid=gid, as_root=os.geteuid() == 0, drops_ids=drops, group=group)
    if (abi := running_abi()) == 0:
        why["landlock"] = f"the kernel has none, or it is switched off; {REMEDIES['landlock']}"
    machine = replace(bare, landlock_abi=abi)
    machine = await _with_namespaces(launcher, machine, why)
    for seccomp, listener in ((True, True), (True, False)):
        failed = await _try(launcher, replace(machine, seccomp=seccomp, listener=listener))
        if failed is None:
            machine = replace(machine, seccomp=seccomp, listener=listener)
            break
        layer = "alarm" if listener else "seccomp"
        why[layer] = f"{failed}; {REMEDIES[layer]}"
    else:
        why.pop("alarm", None)
    return replace(machine, why=why)


async def _with_namespaces(launcher: SandboxLauncher, machine: Machine, why: dict[str, str]) -> Machine:
    reasons = []
    for candidate in _candidates(machine):
        failed = await _try(launcher, candidate)
        if failed is None:
            return candidate
        reasons.append(failed)
    why["namespaces"] = f"{reasons[0]}; {REMEDIES['namespaces']}"
    return _reachable(machine, why)


def _candidates(machine: Machine) -> Iterator[Machine]:
    for proc in (True, False):
        yield replace(machine, namespaces="user", own_proc=proc)
    if machine.as_root:
        for proc in (True, False):
            yield replace(machine, namespaces="root", own_proc=proc)


def _outside_ids() -> tuple[int, int, bool]:
    """Who a plugin is for the rest of the machine: as root nobody, where that id exists."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 or not (_mapped("uid_map") and _mapped("gid_map")):
        return uid, gid, False
    return NOBODY, NOBODY, True


def _mapped(name: str) -> bool:
    """Whether nobody's id exists in this process's own user namespace."""
    for line in Path(f"/proc/self/{name}").read_text().splitlines():
        first, _, count = (int(each) for each in line.split())
        if first <= NOBODY < first + count:
            return True
    return False


def _reachable(machine: Machine, why: dict[str, str]) -> Machine:
    """Without a root of its own a plugin must reach its interpreter as whoever it becomes."""
    if not machine.drops_ids:
        return machine
    for folder in this_interpreter().folders:
        for step in (Path(folder), *Path(folder).parents):
            if not step.stat().st_mode & stat.S_IXOTH:
                why["ids"] = (
                    f"plugins stay root (without its capabilities), since {step} is closed to others; install "
                    "the interpreter where everybody may read it"
                )
                return replace(machine, uid=os.geteuid(), gid=os.getegid(), drops_ids=False)
    return machine


async def _try(launcher: SandboxLauncher, machine: Machine) -> str | None:
    """Puts a child that does nothing into the sandbox; why that did not work, or `None`."""
    with tempfile.TemporaryDirectory(prefix="engine-ops-probe-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        root = RootFolder(path, (), True, _SCRATCH_BYTES, 16, _SCRATCH_BYTES)
        limits = ResourceLimits(open_files=64, tasks=16)
        profile = SeccompProfile(
            subprocess=True,
            own_files=machine.namespaces != "none",
            own_pids=machine.namespaces != "none",
            listener=machine.listener,
        )
        program = {"argv": ["/bin/true"], "env": {"PATH": "/usr/bin:/bin"}, "cwd": "/"}
        plan = make_plan(machine, root, limits, profile, program, scratch=path, nice=0)
        spec = LaunchSpec("probe", ("/bin/true",), "/", {}, confinement=Confinement(plan))
        try:
            child = await launcher.launch(spec)
        except LaunchError as error:
            return str(error.__cause__ or error)
        try:
            report = await child.exited
        finally:
            child.close_pipes()
        return None if report.exit_code == 0 else f"a program in it ended: {report.summary}"

"""From a manifest to a LaunchSpec: which program, in which environment, behind which layers.

Start reading at `Sandbox`. `process_only` is the spec of a program that is held by its process alone, for
platforms without any of the layers and for `isolation = "off"`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.process.group import GroupLimits
from host.process.spec import Confinement, LaunchSpec, ResourceLimits
from host.sandbox.cgroup.budget import MemoryBudget, with_group, without_group
from host.sandbox.interpreter import Interpreter, this_interpreter
from host.sandbox.machine import Machine, Tier, layers
from host.sandbox.plan import make_plan
from host.sandbox.policy import SandboxPolicy
from host.sandbox.preload import preload_for
from host.sandbox.refusals import RefusedError, check
from host.sandbox.root import PLUGIN_FOLDER, SCRATCH, SHARED, RootFolder
from host.sandbox.seccomp.profiles import SeccompProfile
from plugin_sdk.contract.manifest import Limits, Manifest

__all__ = ["RefusedError", "Sandbox", "environment", "process_only"]

PROCESS_ONLY_LAYERS = {
    "process": "active: own session, no new privileges, killed with the host, minimal environment",
    "rlimits": "active: memory (private writable), address space, open files, file size, no core dumps",
    "namespaces": "inactive: isolation is off",
    "landlock": "inactive: isolation is off",
    "seccomp": "inactive: isolation is off",
    "cgroup": "inactive: isolation is off",
}

# Programs of the plugin's own (`command`) are looked for here and in the plugin's folder, nowhere else.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# An interpreter without the SDK finds it, and what it needs, on a path of its own.
_WITH_SDK = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('plugin_sdk.runner', run_name='__main__', alter_sys=True)"


@dataclass(frozen=True)
class Sandbox:
    """What the policy makes of a manifest on this machine.

    Attributes:
        machine: `None`: every plugin is held by its process alone.
        shared: A folder of files that every plugin may read, and none can write.
    """

    policy: SandboxPolicy
    machine: Machine | None = None
    shared: Path | None = None

    @property
    def tier(self) -> Tier:
        """What plugins are held by, in one word."""
        return "none" if self.machine is None else self.machine.tier

    @property
    def layers(self) -> dict[str, str]:
        """The same in full."""
        return dict(PROCESS_ONLY_LAYERS) if self.machine is None else layers(self.machine)

    @property
    def shared_as_seen(self) -> str | None:
        """Where a plugin finds the folder `shared`; `None` when it has none, or cannot read it."""
        if self.shared is None or self.machine is None:
            return str(self.shared) if self.shared is not None else None
        if self.machine.namespaces != "none":
            return SHARED
        return None if self.machine.drops_ids else str(self.shared)

    def check(self, manifest: Manifest, folder: Path) -> None:
        """Raises `RefusedError` when the plugin must not, or cannot, be started here."""
        if self.machine is not None:
            check(self.policy, self.machine, manifest, folder)

    def launch_spec(
        self, manifest: Manifest, folder: Path, scratch: Path, interpreter: Interpreter | None = None
    ) -> LaunchSpec:
        """How to start a plugin; blocks for as long as its sources take to be looked through.

        Args:
            folder: The plugin's own.
            scratch: Its private writable folder; HOME and TMPDIR point to it, or to one of its own root.
            interpreter: Of an environment of its own; `None` for the host's.

        Raises:
            RefusedError: See `check`; also a memory cap that cannot be held.
        """
        if self.machine is None:
            return process_only(manifest, folder, scratch, self.policy, interpreter)
        self.check(manifest, folder)
        folder = folder.resolve()
        return _confined(self.policy, self.machine, manifest, folder, scratch, interpreter, self.shared)


def _confined(
    policy: SandboxPolicy,
    machine: Machine,
    manifest: Manifest,
    folder: Path,
    scratch: Path,
    interpreter: Interpreter | None,
    shared: Path | None,
) -> LaunchSpec:
    limits = policy.grant(manifest.limits)
    budget = _budget(policy, machine, limits)
    own_root = machine.namespaces != "none"
    at = PLUGIN_FOLDER if own_root else str(folder)
    env = environment(limits, Path(SCRATCH) if own_root else scratch)
    by_command = manifest.command is not None
    # A zygote has the host's own interpreter; and it is what a thousand plugins can share.
    preload = preload_for(folder) if not by_command and interpreter is None else ()
    python = interpreter or this_interpreter()
    argv = _argv(manifest, at, python)
    program: dict[str, Any] = {"env": env, "cwd": at, "argv": argv}
    if preload:
        assert manifest.entry is not None
        program["runner"] = ["--entry", manifest.entry, "--folder", at]
        program["threads"] = int(env["OMP_NUM_THREADS"])
    profile = _profile(policy, machine, by_command=by_command, preloaded=bool(preload))
    kernel_limits = ResourceLimits(
        data_bytes=budget.data_bytes,
        address_space_bytes=budget.address_space_bytes,
        open_files=budget.open_files,
        file_bytes=min(policy.file_bytes, limits.scratch_bytes),
        tasks=policy.tasks,
    )
    root = RootFolder(
        plugin=folder,
        # A command's too: the host's own Python is what many of them are written in. No other folder that a
        # manifest names is opened to it: it might name anything.
        read=(*python.folders, *([python.sdk] if python.sdk else [])),
        system=by_command,
        scratch_bytes=budget.scratch_bytes,
        scratch_inodes=policy.scratch_inodes,
        shm_bytes=budget.shm_bytes,
        shared_memory=machine.group is not None,
        shared=shared,
    )
    plan = make_plan(machine, root, kernel_limits, profile, program, scratch=scratch, nice=policy.nice)
    if machine.drops_ids and not own_root:
        os.chown(scratch, machine.uid, machine.gid)
    return LaunchSpec(
        name=manifest.name,
        argv=argv,
        cwd=at,
        env=env,
        limits=kernel_limits,
        nice=policy.nice,
        layers=layers(machine),
        tier=machine.tier,
        memory_cap_bytes=limits.memory_bytes,
        confinement=_confinement(policy, machine, limits, budget, plan, preload, profile),
    )


def _profile(policy: SandboxPolicy, machine: Machine, *, by_command: bool, preloaded: bool) -> SeccompProfile:
    own_root = machine.namespaces != "none"
    return SeccompProfile(
        # Only a group holds the memory of several processes.
        subprocess=by_command and (machine.group is not None or policy.isolation != "require"),
        exec="never" if preloaded else "always" if by_command else "once",
        shared_memory=machine.group is not None,
        own_files=own_root,
        own_pids=own_root,
        listener=machine.listener,
    )


def _confinement(
    policy: SandboxPolicy,
    machine: Machine,
    limits: Limits,
    budget: MemoryBudget,
    plan: dict[str, Any],
    preload: tuple[str, ...],
    profile: SeccompProfile,
) -> Confinement:
    return Confinement(
        plan=plan,
        preload=preload,
        group=GroupLimits(limits.memory_bytes, policy.tasks, limits.cpu_cores) if machine.group else None,
        watch_bytes=budget.watch_bytes,
        watch_cores=limits.cpu_cores,
        # Elsewhere the kernel's own count of a user's tasks is of this plugin's alone.
        watch_tasks=None if machine.namespaces == "user" else policy.tasks,
        let_exec=profile.may_exec == "once",
        reusable=machine.namespaces != "none",
    )


def _budget(policy: SandboxPolicy, machine: Machine, limits: Limits) -> MemoryBudget:
    divide = without_group if machine.group is None else with_group
    try:
        return divide(
            limits.memory_bytes,
            scratch_bytes=limits.scratch_bytes,
            shm_bytes=policy.shm_bytes,
            open_files=policy.open_files,
            backstop_bytes=policy.address_space_backstop,
        )
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _argv(manifest: Manifest, folder: str, python: Interpreter) -> tuple[str, ...]:
    if manifest.command is not None:
        return manifest.command
    assert manifest.entry is not None
    options = ("--entry", manifest.entry, "--folder", folder)
    # -B: nothing is written into the plugin's folder.
    if python.sdk is not None:
        return (python.executable, "-I", "-B", "-c", _WITH_SDK, str(Path(python.sdk).parent), *options)
    return (python.executable, "-I", "-B", "-m", "plugin_sdk.runner", *options)


def process_only(
    manifest: Manifest,
    folder: Path,
    scratch: Path,
    policy: SandboxPolicy,
    interpreter: Interpreter | None = None,
) -> LaunchSpec:
    """How to start a plugin that is held by its process alone."""
    limits = policy.grant(manifest.limits)
    python = interpreter or Interpreter(sys.executable, ())
    return LaunchSpec(
        name=manifest.name,
        argv=_argv(manifest, str(folder), python),
        cwd=str(folder),
        env=environment(limits, scratch),
        limits=ResourceLimits(
            data_bytes=limits.memory_bytes,
            address_space_bytes=limits.memory_bytes + policy.address_space_backstop,
            open_files=policy.open_files,
            file_bytes=min(policy.file_bytes, limits.scratch_bytes),
        ),
        nice=policy.nice,
        layers=dict(PROCESS_ONLY_LAYERS),
        memory_cap_bytes=limits.memory_bytes,
    )


def environment(limits: Limits, scratch: Path) -> dict[str, str]:
    """Every variable a plugin sees. Nothing of the host's own environment is among them.

    The thread counts are for the libraries that would otherwise start one thread a core each, with 8 MB of
    stack that count against the memory cap.
    """
    threads = str(max(1, min(limits.threads, os.cpu_count() or 1)))
    return {
        "PATH": _PATH,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "OPENBLAS_NUM_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "NUMEXPR_NUM_THREADS": threads,
        "LOKY_MAX_CPU_COUNT": threads,
    }

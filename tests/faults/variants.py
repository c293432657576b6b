"""The sandbox whole, and taken apart: plans with one layer only, and with none.

Made from the real sandbox's own plans, on machines that are said to lack the other layers; where a real machine lacks
them, its plugins are held just so.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from host.process.spec import Confinement, LaunchSpec
from host.sandbox.interpreter import this_interpreter
from host.sandbox.kernel import libc
from host.sandbox.machine import Machine
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from plugin_sdk.contract.manifest import Manifest

# All layers: forked from a zygote, started by exec, and a program of the author's, which may start others where there
# is a group to hold them all.
WHOLE = ("zygote", "exec", "command")
BARE = "bare"
WITHOUT = "without-"
# Modules that attacks need, loaded beforehand: behind some single layers they can no longer be read.
NEEDED = (
    "mmap",
    "pty",
    "shutil",
    "socket",
    "threading",
    "resource",
    "hashlib",
    "ctypes",
    "fcntl",
    "contextlib",
    "encodings.idna",
)


def single_layers(machine: Machine) -> tuple[str, ...]:
    """The layers that can be had alone here."""
    found = []
    if machine.drops_ids:
        found.append("ids")
    if machine.namespaces != "none":
        found += ["namespaces", "mounts"]
    if machine.landlock_abi:
        found.append("landlock")
    if machine.seccomp:
        found.append("seccomp")
    found.append("rlimits")
    found.append("watchdog" if machine.group is None else "cgroup")
    return tuple(found)


def lacking(machine: Machine) -> dict[str, Machine]:
    """The machine without one of its layers, by that layer's name; without namespaces there are no mounts either."""
    found = {}
    if machine.namespaces != "none":
        # Its ids are kept too, as on a machine whose interpreter nobody else may read.
        found["namespaces"] = replace(
            machine, namespaces="none", own_proc=False, drops_ids=False, uid=os.geteuid(), gid=os.getegid()
        )
    if machine.landlock_abi:
        found["landlock"] = replace(machine, landlock_abi=0)
    if machine.seccomp:
        found["seccomp"] = replace(machine, seccomp=False, listener=False)
    return found


def spec_for(
    variant: str, policy: SandboxPolicy, machine: Machine, manifest: Manifest, folder: Path, scratch: Path
) -> LaunchSpec:
    """How to start the plugin in *folder* as *variant*: one of `WHOLE`, `BARE`, `WITHOUT` and a layer, or a layer."""
    if variant == "command":
        return Sandbox(policy, machine).launch_spec(manifest, folder, scratch)
    if variant in WHOLE:
        python = this_interpreter() if variant == "exec" else None
        spec = Sandbox(policy, machine).launch_spec(manifest, folder, scratch, python)
        return spec if variant == "exec" else _with_modules(spec)
    policy = replace(policy, isolation="best-effort")
    if variant.startswith(WITHOUT):
        weak = lacking(machine)[variant.removeprefix(WITHOUT)]
        return _with_modules(Sandbox(policy, weak).launch_spec(manifest, folder, scratch))
    none = Machine(
        uid=machine.uid, gid=machine.gid, as_root=machine.as_root, drops_ids=False, group=machine.group
    )
    offered = {
        "ids": replace(none, drops_ids=True),
        "landlock": replace(none, landlock_abi=machine.landlock_abi),
        "seccomp": replace(none, seccomp=True, listener=machine.listener),
        "mounts": replace(none, namespaces=machine.namespaces, drops_ids=machine.drops_ids),
        "rlimits": replace(none, group=None),
        "watchdog": replace(none, group=None),
    }
    spec = Sandbox(policy, offered.get(variant, none)).launch_spec(manifest, folder, scratch)
    assert spec.confinement is not None
    plan: dict[str, Any] = dict(spec.confinement.plan)
    if variant != "rlimits":
        plan["limits"] = {}
    if variant not in ("ids", "mounts"):
        plan["outside_uid"] = None
    if variant == "mounts":
        # The user namespace comes along where there is one: without it there would be no right to mount. The step
        # sets the hostname too.
        plan["flags"] &= libc.CLONE_NEWNS | libc.CLONE_NEWUSER | libc.CLONE_NEWUTS
        plan["own_pids"] = False
    if variant == "namespaces":
        whole = Sandbox(policy, machine).launch_spec(manifest, folder, scratch).confinement
        assert whole is not None
        taken = ("flags", "map", "ids", "outside_uid", "bounding", "own_pids")
        plan |= {name: whole.plan[name] for name in taken}
    confinement = Confinement(
        plan=plan,
        preload=spec.confinement.preload,
        group=spec.confinement.group if variant == "cgroup" else None,
        **(
            {name: getattr(spec.confinement, name) for name in ("watch_bytes", "watch_cores", "watch_tasks")}
            if variant == "watchdog"
            else {}
        ),
    )
    return _with_modules(replace(spec, confinement=confinement))


def _with_modules(spec: LaunchSpec) -> LaunchSpec:
    assert spec.confinement is not None
    preload = (*spec.confinement.preload, *NEEDED)
    return replace(spec, confinement=replace(spec.confinement, preload=preload))


def as_command(manifest: Manifest, name: str) -> Manifest:
    """The plugin as a program that performs one attack."""
    command = (sys.executable, "-I", "-S", "-B", "attacks/alone.py", name)
    return msgspec.structs.replace(manifest, entry=None, command=command)


def outside_uid(spec: LaunchSpec, own: int) -> int:
    """Who the plugin is for the rest of the machine."""
    assert spec.confinement is not None
    uid = spec.confinement.plan["outside_uid"]
    return own if uid is None else int(uid)

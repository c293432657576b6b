"""A child's orders: which namespaces, ids, mounts, limits, rules and filters it goes through to its program.

Pure: from what the machine offers and what the plugin is granted to one JSON-able mapping, which
`host.sandbox.confine.sequence` carries out step by step.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host.process.spec import ResourceLimits
from host.sandbox.kernel import libc
from host.sandbox.machine import INSIDE_ID, Machine
from host.sandbox.root import RootFolder, mounts, rules, rules_without_root
from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.programs import build

_PENDING_SIGNALS = 256
_ALL_BUT_USER = (
    libc.CLONE_NEWNS
    | libc.CLONE_NEWPID
    | libc.CLONE_NEWNET
    | libc.CLONE_NEWIPC
    | libc.CLONE_NEWUTS
    | libc.CLONE_NEWCGROUP
)


def flags_for(machine: Machine) -> int:
    """What the child is cloned with."""
    if machine.namespaces == "none":
        return 0
    return _ALL_BUT_USER | (libc.CLONE_NEWUSER if machine.namespaces == "user" else 0)


def make_plan(
    machine: Machine,
    root: RootFolder,
    limits: ResourceLimits,
    profile: SeccompProfile,
    program: Mapping[str, Any],
    *,
    scratch: Path,
    nice: int,
) -> dict[str, Any]:
    """The orders.

    Args:
        program: `argv`, or `runner` for a zygote's child; `env` and `cwd`.
        scratch: The plugin's private folder on this machine; used where it sees the machine's own root.
    """
    own_root = machine.namespaces != "none"
    inside = INSIDE_ID if machine.namespaces == "user" else machine.uid
    inside_gid = INSIDE_ID if machine.namespaces == "user" else machine.gid
    planned = (
        mounts(root, inside_uid=inside, inside_gid=inside_gid, proc=machine.own_proc) if own_root else None
    )
    found = rules(planned) if planned is not None else rules_without_root(root, scratch)
    return {
        "flags": flags_for(machine),
        "map": _maps(machine),
        "ids": _ids(machine, inside, inside_gid),
        "outside_uid": machine.uid,
        "mounts": planned,
        "limits": _rlimits(machine, limits),
        "nice": nice,
        # Emptying the bounding set takes a capability, which a user namespace and root have.
        "bounding": own_root or machine.as_root,
        "own_pids": own_root,
        "landlock": {"abi": machine.landlock_abi, "rules": found} if machine.landlock_abi else None,
        "seccomp": _filters(profile) if machine.seccomp else None,
        "program": dict(program),
    }


def _maps(machine: Machine) -> dict[str, Any] | None:
    if machine.namespaces != "user":
        return None
    return {
        "uid": f"{INSIDE_ID} {machine.uid} 1",
        "gid": f"{INSIDE_ID} {machine.gid} 1",
        # Without it an unprivileged process may not map groups; with it, it cannot drop its own.
        "deny_setgroups": not machine.as_root,
    }


def _ids(machine: Machine, inside: int, inside_gid: int) -> dict[str, Any] | None:
    if machine.namespaces == "none" and not machine.drops_ids:
        return None
    return {
        "uid": inside,
        "gid": inside_gid,
        "drop_groups": machine.as_root,
        "keep_capabilities": machine.as_root or machine.namespaces != "none",
    }


def _rlimits(machine: Machine, limits: ResourceLimits) -> dict[str, int]:
    wanted = {
        "RLIMIT_DATA": limits.data_bytes,
        "RLIMIT_AS": limits.address_space_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_CORE": limits.core_bytes,
        # Counted per user namespace; without one, over everything that this user runs.
        "RLIMIT_NPROC": limits.tasks if machine.namespaces == "user" else None,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        # Timers and queued signals are the kernel's memory, and counted nowhere else.
        "RLIMIT_SIGPENDING": _PENDING_SIGNALS,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _filters(profile: SeccompProfile) -> dict[str, str]:
    programs = {"main": build(profile, libc.ARCH, alarm=False)}
    if profile.listener:
        programs["alarm"] = build(profile, libc.ARCH, alarm=True)
    return {name: base64.b64encode(program).decode() for name, program in programs.items()}

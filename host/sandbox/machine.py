"""What this machine lets a sandbox be made of, and what that comes to in one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Namespaces = Literal["user", "root", "none"]
Tier = Literal["A", "B", "C", "D", "none"]
TIERS: tuple[Tier, ...] = ("A", "B", "C", "D", "none")  # the best first

INSIDE_ID = 1000  # what a plugin takes itself for in a user namespace


@dataclass(frozen=True)
class Machine:
    """What was found by trying it, in throwaway children.

    Attributes:
        namespaces: `user`: all of them below a user namespace; `root`: all but that, since this process is root;
            `none`: none can be had.
        uid, gid: What a plugin is for the rest of the machine.
        as_root: This process is root.
        drops_ids: A plugin has other ids than this process.
        own_proc: A /proc of its own can be mounted.
        landlock_abi: 0: there is none.
        seccomp: System calls can be filtered.
        listener: A filter can report what was tried.
        group: What holds memory, tasks and processor time over a plugin's children, e.g. "cgroup v1: memory, pids";
            `None` when nothing does.
        why: For each layer that is missing, the reason and the remedy.
    """

    namespaces: Namespaces = "none"
    uid: int = -1
    gid: int = -1
    as_root: bool = False
    drops_ids: bool = False
    own_proc: bool = False
    landlock_abi: int = 0
    seccomp: bool = False
    listener: bool = False
    group: str | None = None
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def tier(self) -> Tier:
        """A: all layers; C: without namespaces; D: without Landlock as well; none: without seccomp."""
        if not self.seccomp:
            return "none"
        if not self.landlock_abi:
            return "D"
        return "C" if self.namespaces == "none" else "A"


def at_least(tier: Tier, wanted: str) -> bool:
    """Whether *tier* is as good as *wanted*, or better."""
    return TIERS.index(tier) <= TIERS.index(wanted)


def layers(machine: Machine) -> dict[str, str]:
    """Each layer, and whether it is active, for status pages."""

    def missing(layer: str) -> str:
        return f"inactive: {machine.why.get(layer, 'this machine does not have it')}"

    names = "user, pid, mount, net, ipc, uts, cgroup"
    said = {
        "process": "active: own session, no new privileges, no capabilities, killed with the host",
        "rlimits": "active: memory (private writable), address space, open files, file size, no core dumps",
        "namespaces": f"active: {names if machine.namespaces == 'user' else names.removeprefix('user, ')}",
        "landlock": f"active: ABI {machine.landlock_abi}",
        "seccomp": "active: allow-list"
        + (", forbidden calls are reported by name" if machine.listener else ""),
        "cgroup": f"active: {machine.group}",
    }
    if machine.namespaces == "none":
        said["namespaces"] = missing("namespaces")
    elif not machine.own_proc:
        said["namespaces"] += "; no /proc"
    if not machine.landlock_abi:
        said["landlock"] = missing("landlock")
    if not machine.seccomp:
        said["seccomp"] = missing("seccomp")
    if machine.group is None:
        said["cgroup"] = (
            missing("cgroup") + "; so a plugin may not start processes (unless weakness is accepted)"
        )
        said["watchdog"] = (
            "active: in the cgroup's place: memory, tasks and a share of the processors, every 20 ms"
        )
    return said

"""Where on this machine groups can be made: tried, not guessed.

Version 2 wants a group that is delegated to us and has no process in it but ours, since a group with limits below
it may not hold processes itself: the host then moves itself one level down. Version 1 wants a writable directory.
Source: Linux Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint", "Delegation".
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host.sandbox.cgroup.leaf import members
from host.sandbox.cgroup.membership import own_directory, parse_membership, parse_mounts
from host.sandbox.cgroup.settings import MEMORY, WANTED

REMEDY = (
    "run the host in a group of its own, e.g. `systemd-run --user --scope -p Delegate=yes engine-ops serve`, or in "
    "a container with a writable cgroup"
)
HOST = "host"  # where the host itself goes in version 2
_SUBTREE = "cgroup.subtree_control"
_PROCS = "cgroup.procs"


class CgroupUnavailableError(Exception):
    """This machine lets us make no groups. The message says why and what would help."""


@dataclass(frozen=True)
class Place:
    """Where groups go.

    Attributes:
        parents: Of each controller that can be used, the directory below which we make ours.
        enabled_before: Version 2: what the parent handed down already, which is left as it is at the end.
    """

    version: Literal[1, 2]
    parents: Mapping[str, Path]
    enabled_before: frozenset[str] = frozenset()

    def describe(self) -> str:
        """E.g. "cgroup v1: memory, pids, cpu, cpuacct; missing: pids"."""
        missing = [name for name in WANTED[self.version] if name not in self.parents]
        tail = f"; missing: {', '.join(missing)}" if missing else ""
        return f"cgroup v{self.version}: {', '.join(self.parents)}{tail}"

    def enable(self, own: Mapping[str, Path]) -> None:
        """Version 2: hands the controllers down to the host's directory *own* and on to the groups below it.

        Raises:
            OSError: The kernel refused.
        """
        if self.version == 1:
            return
        ours = next(iter(own.values()))
        wanted = [name for name in self.parents if name not in self.enabled_before]
        if wanted:
            if (ours.parent / "cgroup.type").exists():  # all but the true root
                (ours / HOST).mkdir()
                _move_all(ours.parent, ours / HOST)
            _write(ours.parent / _SUBTREE, " ".join(f"+{name}" for name in wanted))
        _write(ours / _SUBTREE, " ".join(f"+{name}" for name in self.parents))

    def disable(self, own: Mapping[str, Path]) -> None:
        """Version 2: takes back what `enable` did, as far as the kernel lets us."""
        if self.version == 1:
            return
        ours = next(iter(own.values()))
        wanted = [name for name in self.parents if name not in self.enabled_before]
        try:
            _write(ours / _SUBTREE, " ".join(f"-{name}" for name in self.parents))
            _write(ours.parent / _SUBTREE, " ".join(f"-{name}" for name in wanted))
            if (ours / HOST).exists():
                _move_all(ours / HOST, ours.parent)
                (ours / HOST).rmdir()
        except OSError:
            return


def find_place() -> Place:
    """The best place here: version 2 if it is delegated to us, else version 1.

    Raises:
        CgroupUnavailableError: Neither.
    """
    try:
        membership = parse_membership(Path("/proc/self/cgroup").read_text())
        mounts = parse_mounts(Path("/proc/self/mountinfo").read_text())
    except OSError as error:
        raise CgroupUnavailableError(
            f"/proc/self cannot be read ({error.strerror}); mount /proc in this container"
        ) from error
    reasons: list[str] = []
    v1: dict[str, Path] = {}
    for mount in mounts:
        directory = own_directory(mount, membership)
        if directory is None:
            continue
        if mount.version == 2:
            place = delegated(Path(directory), WANTED[2])
            if isinstance(place, Place):
                return place
            reasons.append(place)
        else:
            v1.update((name, Path(directory)) for name in WANTED[1] if name in mount.controllers)
    usable = {name: v1[name] for name in WANTED[1] if name in v1 and os.access(v1[name], os.W_OK | os.X_OK)}
    if MEMORY in usable:
        return Place(1, usable)
    if MEMORY in v1:
        reasons.append(f"{v1[MEMORY]} is not writable for user {os.geteuid()}")
    raise CgroupUnavailableError(f"{'; '.join(reasons) or 'no cgroup is mounted writable'}; {REMEDY}")


def delegated(directory: Path, wanted: Sequence[str], needed: str = MEMORY) -> Place | str:
    """The place below our own version 2 group *directory*, or why there is none."""
    try:
        offered = (directory / "cgroup.controllers").read_text().split()
        enabled = frozenset((directory / _SUBTREE).read_text().split())
    except OSError as error:
        return f"{directory} cannot be read: {error.strerror}"
    if needed not in offered:
        return f"{directory} has no {needed} controller"
    if not (os.access(directory, os.W_OK | os.X_OK) and os.access(directory / _PROCS, os.W_OK)):
        return f"{directory} is not delegated to user {os.geteuid()}"
    if (directory / "cgroup.type").exists() and needed not in enabled:
        strangers = [pid for pid in members(directory) if pid not in _family()]
        if strangers:
            return f"{directory} holds {len(strangers)} processes besides the host, such as {strangers[0]}"
    usable = [name for name in wanted if name in offered]
    return Place(2, dict.fromkeys(usable, directory), enabled & frozenset(usable))


def _family() -> set[int]:
    """The host, those who started it, and those whom it started: they may be moved with it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended
    family = _line(os.getpid(), parents)
    return family | {pid for pid in parents if os.getpid() in _line(pid, parents)}


def _line(pid: int, parents: Mapping[int, int]) -> set[int]:
    line: set[int] = set()
    while pid and pid not in line:
        line.add(pid)
        pid = parents.get(pid, 0)
    return line


def _move_all(source: Path, target: Path) -> None:
    for pid in members(source):
        try:
            _write(target / _PROCS, str(pid))
        except ProcessLookupError:
            continue


def _write(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)

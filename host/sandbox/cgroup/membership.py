"""Which directories stand for this process's own cgroups, from `/proc/self/cgroup` and `/proc/self/mountinfo`.

Source: cgroups(7), proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

V2 = ""  # the name under which `parse_membership` lists the unified hierarchy, as the kernel does
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class CgroupMount:
    """One mounted hierarchy, or the part of it below *root*."""

    version: Literal[1, 2]
    controllers: frozenset[str]  # as mounted; always empty for version 2
    root: str
    point: str
    writable: bool


def parse_membership(text: str) -> dict[str, str]:
    """Controller -> path in its hierarchy; the unified hierarchy is under the name `V2`."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            paths[V2] = path
        else:
            paths.update((name, path) for name in controllers.split(","))
    return paths


def parse_mounts(mountinfo: str) -> list[CgroupMount]:
    """The cgroup mounts, in the order in which they were mounted."""
    mounts: list[CgroupMount] = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, tail = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(tail) < 3 or tail[0] not in ("cgroup", "cgroup2"):
            continue
        options = frozenset(tail[2].split(","))
        mounts.append(
            CgroupMount(
                version=2 if tail[0] == "cgroup2" else 1,
                controllers=frozenset() if tail[0] == "cgroup2" else options - {"rw", "ro"},
                root=_plain(fields[3]),
                point=_plain(fields[4]),
                writable="rw" in fields[5].split(",") and "rw" in options,
            )
        )
    return mounts


def own_directory(mount: CgroupMount, membership: Mapping[str, str]) -> PurePosixPath | None:
    """Where *mount* shows this process's own group; `None` when that part is not mounted, or is not writable."""
    names = [V2] if mount.version == 2 else sorted(mount.controllers)
    path = next((membership[name] for name in names if name in membership), None)
    if path is None or not mount.writable or ".." in PurePosixPath(path).parts:
        return None  # `..`: our group lies outside of our cgroup namespace
    try:
        return mount.point / PurePosixPath(path).relative_to(mount.root)
    except ValueError:
        return None


def _plain(field: str) -> str:
    """mountinfo writes blanks and backslashes as three octal digits."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)

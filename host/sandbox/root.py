"""What a plugin's own root holds: the mounts of its plan, and the Landlock rules that say the same once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUGIN_FOLDER = "/plugin"
SCRATCH = "/scratch"
SHM = "/dev/shm"
SHARED = "/shared"

# What libc and the dynamic loader need; programs of the system only for plugins that are a `command`.
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/libx32", "/usr/local/lib", "/usr/share/zoneinfo")
_SYSTEM = ("/usr", "/opt")
_AT_ROOT = ("/lib", "/lib64", "/lib32", "/libx32", "/bin", "/sbin")
_PROGRAMS_AT_ROOT = ("/bin", "/sbin")
_DEVICES = ("null", "full", "random", "urandom")
# A shared map of it is memory that only a group counts.
_ZERO = "zero"
_ROOT_OPTIONS = "mode=755,size=2m,nr_inodes=4096"
_SHM_INODES = 1024


@dataclass(frozen=True)
class RootFolder:
    """What is to be in it.

    Attributes:
        plugin: The plugin's folder on this machine.
        read: Folders that are there under their own names, with their libraries and programs to run.
        system: The machine's own programs too.
        shared_memory: May have memory that only a group counts.
        shared: A folder of files that every plugin may read.
    """

    plugin: Path
    read: Sequence[str]
    system: bool
    scratch_bytes: int
    scratch_inodes: int
    shm_bytes: int
    shared_memory: bool = True
    shared: Path | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(f"/dev/{each}" for each in (*_DEVICES, *([_ZERO] if self.shared_memory else [])))


def mounts(root: RootFolder, *, inside_uid: int, inside_gid: int, proc: bool) -> dict[str, Any]:
    """The plan's mounts, for `host.sandbox.confine.mounts`."""
    binds, links = _system(root.system)
    binds += [(each, each, "ro", False) for each in root.read]
    binds = _outermost(binds)
    binds += [(each, each, "device", False) for each in root.devices]
    binds.append(("/etc/ld.so.cache", "/etc/ld.so.cache", "data", True))
    if root.system:
        binds.append(("/etc/alternatives", "/etc/alternatives", "data", True))
    binds.append((str(root.plugin), PLUGIN_FOLDER, "ro", False))
    if root.shared is not None:
        binds.append((str(root.shared), SHARED, "data", False))
    if proc:
        links += [("/proc/self/fd", "/dev/fd")]
    # An interpreter may itself lie below /tmp; then that cannot be a link to the scratch folder.
    if not any(target.startswith("/tmp/") for _, target, _, _ in binds):
        links.append((SCRATCH.removeprefix("/"), "/tmp"))
    return {
        "root": _ROOT_OPTIONS,
        "dirs": ["/etc", "/dev", "/tmp"]
        if not any(path == "/tmp" for _, path in links)
        else ["/etc", "/dev"],
        "files": _etc(inside_uid, inside_gid),
        "links": links,
        "binds": binds,
        "tmpfs": [
            (SCRATCH, f"mode=700,size={root.scratch_bytes},nr_inodes={root.scratch_inodes}"),
            (SHM, f"mode=1777,size={root.shm_bytes},nr_inodes={_SHM_INODES}"),
        ],
        "proc": proc,
    }


def rules(planned: dict[str, Any]) -> list[tuple[str, str]]:
    """Landlock's rules for a root made of *planned* mounts."""
    kinds = {"ro": "run", "data": "read", "device": "device"}
    found = [(target, kinds[kind]) for _, target, kind, _ in planned["binds"]]
    found += [(path, "write") for path, _ in planned["tmpfs"]]
    return [*found, ("/etc", "read"), *([("/proc", "read")] if planned["proc"] else [])]


def rules_without_root(root: RootFolder, scratch: Path) -> list[tuple[str, str]]:
    """Landlock's rules where the plugin sees the machine's own root."""
    system = (*_SYSTEM, *_AT_ROOT) if root.system else (*_LIBRARIES, "/lib", "/lib64", "/lib32", "/libx32")
    found = [(each, "run") for each in (*system, *root.read, str(root.plugin))]
    found += [(each, "device") for each in root.devices]
    found += [(each, "read") for each in ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")]
    found += [(str(root.shared), "read")] if root.shared is not None else []
    return [*found, (str(scratch), "write")]


def _system(whole: bool) -> tuple[list[tuple[str, str, str, bool]], list[tuple[str, str]]]:
    binds = [(each, each, "ro", True) for each in (_SYSTEM if whole else _LIBRARIES)]
    links: list[tuple[str, str]] = []
    for path in _AT_ROOT:
        if path in _PROGRAMS_AT_ROOT and not whole:
            continue
        if Path(path).is_symlink():
            links.append((str(Path(path).readlink()), path))
        else:
            binds.append((path, path, "ro", True))
    return binds, links


def _outermost(binds: list[tuple[str, str, str, bool]]) -> list[tuple[str, str, str, bool]]:
    kept: list[tuple[str, str, str, bool]] = []
    for each in sorted(binds, key=lambda bind: len(Path(bind[1]).parts)):
        if not any(Path(each[1]).is_relative_to(above) for _, above, _, _ in kept):
            kept.append(each)
    return kept


def _etc(uid: int, gid: int) -> list[tuple[str, str]]:
    return [
        ("/etc/passwd", f"plugin:x:{uid}:{gid}:plugin:{SCRATCH}:/bin/false\n"),
        ("/etc/group", f"plugin:x:{gid}:\n"),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
        ("/etc/hosts", "127.0.0.1 localhost plugin\n"),
    ]

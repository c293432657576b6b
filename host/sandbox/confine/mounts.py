"""A root of its own: an empty tmpfs with what the plan binds into it, and nothing else of the machine.

Theory of operation. All sources are opened before the first mount: a tmpfs over /tmp would hide those below it,
and after the change of ids some could not be reached any more (an interpreter under a home that is 0700). Then the
root is built, made the root, and the old one let go.

Source: mount(2), pivot_root(2), open_tree(2), mount_setattr(2).
"""

import os
import stat
import struct

from host.sandbox.kernel.libc import AT_FDCWD, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
MOVE_MOUNT_F_EMPTY_PATH = 4
# mount_setattr's own numbers; NOSYMFOLLOW is left alone, since interpreters are full of links.
_ATTR = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8}
_BIND_ATTRIBUTES = {
    "ro": ("ro", "nosuid", "nodev"),
    "data": ("ro", "nosuid", "nodev", "noexec"),
    "device": ("nosuid", "noexec"),
}
_STAGES = ("/tmp", "/run", "/usr")  # one of them is there to build upon


def open_sources(mounts: "dict[str, Any]") -> "list[tuple[int, str, str]]":
    """The plan's binds as detached mounts: descriptor, where it goes, its kind.

    Raises:
        OSError: A source that is not optional cannot be opened.
    """
    syscall("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    opened = []
    for source, target, kind, optional in mounts["binds"]:
        try:
            tree = syscall(
                "open_tree",
                AT_FDCWD,
                source.encode(),
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE,
            )
        except FileNotFoundError as error:
            if not optional:
                raise OSError(error.errno, error.strerror, f"open_tree {source}") from error
            continue
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"open_tree {source}") from error
        opened.append((tree, target, kind))
    return opened


def build_root(mounts: "dict[str, Any]", sources: "list[tuple[int, str, str]]") -> bool:
    """Builds the root, enters it, and lets go of the old one.

    Returns:
        Whether it has a /proc of its own; a kernel may refuse one inside of a container.

    Raises:
        OSError: A step failed, named by its call.
    """
    stage = next(each for each in _STAGES if os.path.isdir(each))  # noqa: PTH112 - pathlib is too dear here
    _tmpfs(stage, MS_NOSUID | MS_NODEV, mounts["root"])
    os.chdir(stage)
    for path in mounts["dirs"]:
        os.makedirs(_here(path), exist_ok=True)  # noqa: PTH103
    for path, text in mounts["files"]:
        _write(_here(path), text)
    for target, path in mounts["links"]:
        os.symlink(target, _here(path))  # noqa: PTH211
    for tree, target, kind in sources:
        _place(tree, _here(target), kind)
    for path, options in mounts["tmpfs"]:
        os.makedirs(_here(path), exist_ok=True)  # noqa: PTH103
        _tmpfs(_here(path), MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    has_proc = mounts["proc"] and _own_proc()
    syscall("pivot_root", b".", b".")
    syscall("umount2", b".", MNT_DETACH)
    os.chdir("/")
    syscall("mount", None, b"/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, None)
    return bool(has_proc)


def _place(tree: int, target: str, kind: str) -> None:
    if stat.S_ISDIR(os.fstat(tree).st_mode):
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        _write(target, "")
    attributes = sum(_ATTR[each] for each in _BIND_ATTRIBUTES[kind])
    wanted = struct.pack("=QQQQ", attributes, 0, MS_PRIVATE, 0)
    syscall("mount_setattr", tree, b"", AT_EMPTY_PATH | AT_RECURSIVE, wanted, len(wanted))
    syscall("move_mount", tree, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)


def _own_proc() -> bool:
    os.makedirs("./proc", exist_ok=True)  # noqa: PTH103
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY
    try:
        # subset=pid: no meminfo, no cpuinfo, no sys; only processes, and of those there are two.
        syscall("mount", b"proc", b"./proc", b"proc", flags, b"subset=pid,hidepid=invisible")
    except PermissionError:
        return False  # in a container whose own /proc has masked parts
    return True


def _tmpfs(target: str, flags: int, options: str) -> None:
    syscall("mount", b"tmpfs", target.encode(), b"tmpfs", flags, options.encode())


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _here(path: str) -> str:
    return "." + path

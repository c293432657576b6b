"""Runs a command as an unprivileged user, from a test that runs as root: `python -I -S as_nobody.py FOLDER... -- COMMAND`.

The folders (an interpreter, a virtual environment) are to be readable for it. One below a closed folder, as root's home
often is, is put on top of a copy of that path that is open: in a mount namespace of its own, so that nothing changes for
anybody else.
"""

# Plain calls: pathlib would be half of its start.
# ruff: noqa: PTH100, PTH103, PTH116

import ctypes
import os
import stat
import sys

NOBODY = 65534
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def main(arguments: "list[str]") -> None:
    """Becomes the command."""
    split = arguments.index("--")
    folders, command = arguments[:split], arguments[split + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(CLONE_NEWNS))
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    closed: dict[str, list[tuple[str, int]]] = {}
    for folder in folders:
        over = _closed_above(folder)
        if over is not None:
            closed.setdefault(over, []).append((folder, os.open(folder, os.O_PATH)))
    for over, inside in closed.items():
        _checked(libc.mount(b"tmpfs", over.encode(), b"tmpfs", 0, b"mode=755"))
        for folder, descriptor in inside:
            os.makedirs(folder, exist_ok=True)
            source = f"/proc/self/fd/{descriptor}".encode()
            _checked(libc.mount(source, folder.encode(), None, MS_BIND | MS_REC, None))
            os.close(descriptor)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.execv(command[0], command)


def _closed_above(path: str) -> "str | None":
    """The uppermost folder on the way to *path* that others may not pass."""
    step = ""
    for name in os.path.abspath(path).strip("/").split("/"):
        step += "/" + name
        if not os.stat(step).st_mode & stat.S_IXOTH:
            return step
    return None


def _checked(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main(sys.argv[1:])

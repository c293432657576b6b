"""Every sync of a program seen from outside: what it makes durable, and what happens when it fails.

Theory of operation. A seccomp listener stops the program at each fsync and fdatasync. What the file holds at that
moment is durable when the call has returned; so a copy of it, made while the program stands still, is what a loss of
power leaves, at the least. Of a folder, a sync makes the names durable. Or the call is made to fail, as a disk does.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from host.sandbox.seccomp.compiler import AT_NUMBER, JUMP_EQUAL, LOAD, RETURN
from host.sandbox.seccomp.listener import let_pass, receive, refuse
from host.sandbox.seccomp.syscalls import numbers

ROOT = Path(__file__).resolve().parents[3]
_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_NOTIFY = 0x7FC00000  # SECCOMP_RET_USER_NOTIF
_SYNCS = ("fsync", "fdatasync")


def program() -> bytes:
    """Asks the listener about syncs, and lets everything else happen."""
    known = numbers(os.uname().machine)
    code = [(LOAD, 0, 0, AT_NUMBER)]
    code += [(JUMP_EQUAL, len(_SYNCS) - at, 0, known[name]) for at, name in enumerate(_SYNCS)]
    code += [(RETURN, 0, 0, _ALLOW), (RETURN, 0, 0, _NOTIFY)]
    return b"".join(struct.pack("=HBBI", *each) for each in code)


class SyncWatch:
    """Runs `load.py` under a listener. Use as a context.

    Args:
        image: A folder that is made at the end, of what a loss of power would have left.
        fails: Told the number of each sync, from 1, and its file's name; whether it is to fail.
    """

    def __init__(
        self, folder: Path, how: str, image: Path, fails: Callable[[int, str], bool] = lambda *_: False
    ) -> None:
        self.syncs = 0
        self.failed: list[str] = []
        self._image = image
        self._fails = fails
        self._names: dict[str, int] = {}
        self._inodes = image.parent / f"{image.name}-inodes"
        self._inodes.mkdir(parents=True)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.faults.history.load",
                    str(folder),
                    how,
                    "0",
                    str(theirs.fileno()),
                ],
                stdout=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                cwd=ROOT,
            )
            theirs.close()
            _, given, _, _ = socket.recv_fds(ours, 100, 1)
        if not given:
            self.process.kill()
            self.process.communicate()
            raise OSError(errno.EPERM, "no seccomp listener could be had")
        self._listener = given[0]
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __enter__(self) -> SyncWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Ends the program, as a loss of power does: nothing is synced any more."""
        self._stopped = True
        self.process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self._listener)
        self._image.mkdir()
        for name, inode in self._names.items():
            if (self._inodes / str(inode)).exists():
                shutil.copyfile(self._inodes / str(inode), self._image / name)

    def _watch(self) -> None:
        import select

        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while True:
            for _, events in poll.poll(50):
                if events & select.POLLHUP:
                    return
                if events & select.POLLIN and (attempt := receive(self._listener)) is not None:
                    self._answer(attempt)
            if self._stopped and self.process.poll() is not None:
                return

    def _answer(self, attempt) -> None:  # type: ignore[no-untyped-def]
        self.syncs += 1
        try:
            path = Path(f"/proc/{attempt.pid}/fd/{attempt.arguments[0]}").readlink()
        except OSError:  # it was killed meanwhile
            return
        if self._fails(self.syncs, path.name):
            self.failed.append(path.name)
            refuse(self._listener, attempt, errno.EIO)
            return
        if path.is_file():
            inode = path.stat().st_ino
            shutil.copyfile(path, self._inodes / str(inode))
            self._names[path.name] = inode  # a new file's entry is synced with it, as common file systems do
        elif path.is_dir():
            self._names = {each.name: each.stat().st_ino for each in path.iterdir()}
            for each in self._inodes.iterdir():
                if int(each.name) not in self._names.values():
                    each.unlink()  # removed for good; its number may be another file's next
        let_pass(self._listener, attempt)

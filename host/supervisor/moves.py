"""Which entries were renamed into a directory, by the kernel's word.

A folder that was made elsewhere and renamed into place is whole at that instant; one that is copied into place is whole
when it has been still for a while. Only inotify tells the two apart, so where there is none every folder has to be still.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

_MOVED_TO = 0x80
_ONLYDIR = 0x01000000
_EVENT = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len; then the name
_READ_BYTES = 65536


class MoveWatch:
    """Watches one directory, on the event loop, until `close`."""

    def __init__(self, directory: Path, on_move: Callable[[str], None]) -> None:
        self._directory = directory
        self._on_move = on_move
        self._fd = -1
        self._inode: int | None = None

    def arm(self) -> None:
        """Watches what is at the path now; to be called again whenever it may be another directory."""
        try:
            inode = self._directory.stat().st_ino
        except OSError:
            inode = None
        if inode == self._inode:
            return
        self.close()
        if inode is None:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "inotify_init1"):
            return
        fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            return
        if libc.inotify_add_watch(fd, os.fsencode(self._directory), _MOVED_TO | _ONLYDIR) < 0:
            os.close(fd)
            return
        self._fd, self._inode = fd, inode
        asyncio.get_running_loop().add_reader(fd, self._read)

    def close(self) -> None:
        """Gives the watch back."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
        self._fd, self._inode = -1, None

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._fd, _READ_BYTES)
            at = 0
            while at < len(data):
                _, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size
                if mask & _MOVED_TO:
                    self._on_move(os.fsdecode(data[at : at + length].rstrip(b"\0")))
                at += length

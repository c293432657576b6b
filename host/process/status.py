"""The host's end of a child's status socket: words out, reports in, each with the kernel's word who sent it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections import deque
from typing import Any, NamedTuple

BORN = b"born"
RUN = b"run"
ORDERS_BYTES = 128 * 1024  # a plan, in one datagram
_MESSAGE_BYTES = 65536
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: pid, uid, gid as seen from here


class Report(NamedTuple):
    """One message.

    Attributes:
        pid, uid: Of the process that sent it, in this process's namespaces; filled in by the kernel.
        descriptors: Belong to the taker.
    """

    message: dict[str, Any]
    pid: int
    uid: int
    descriptors: list[int]


class StatusSocket:
    """Made with `pair`, which also gives the child's end."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._loop = asyncio.get_running_loop()
        self._reports: deque[Report] = deque()
        self._ended = False
        self._more = asyncio.Event()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(ours.fileno(), self._read)

    @classmethod
    def pair(cls) -> tuple[StatusSocket, socket.socket]:
        """The host's end and the child's, which the caller closes after it was passed on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def say(self, word: bytes) -> None:
        """Sends the child a word.

        Raises:
            OSError: It is gone.
        """
        self._socket.send(word)

    async def next(self) -> Report | None:
        """The next report; `None` when nobody is left to send one."""
        while not self._reports and not self._ended:
            self._more.clear()
            await self._more.wait()
        return self._reports.popleft() if self._reports else None

    def drain(self) -> list[Report]:
        """What has come in and was not taken."""
        if not self._ended:
            self._read()
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def close(self) -> None:
        """Gives it up, with descriptors that nobody took."""
        self._stop()
        for report in self._reports:
            for descriptor in report.descriptors:
                os.close(descriptor)
        self._reports.clear()
        self._socket.close()

    def _read(self) -> None:
        while not self._ended:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_MESSAGE_BYTES, 4096, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except OSError:
                data, ancillary = b"", []
            if not data:
                self._stop()
                return
            self._take(data, ancillary)

    def _take(self, data: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        pid = uid = -1
        descriptors: list[int] = []
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid, uid, _ = _CREDENTIALS.unpack(value[: _CREDENTIALS.size])
            elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors += struct.unpack(f"={len(value) // 4}i", value[: len(value) // 4 * 4])
        self._reports.append(Report(json.loads(data), pid, uid, descriptors))
        self._more.set()

    def _stop(self) -> None:
        if not self._ended:
            self._ended = True
            self._loop.remove_reader(self._socket.fileno())
            self._more.set()

"""A plugin at the other end of a pair of descriptors: lines to it, lines from it, and how it ended.

Blocking, with a bound on every wait, so that a check reads from top to bottom and a plugin that does not read, does
not answer or does not end costs its checks and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from plugin_sdk.protocol.framing import LineSplitter

READ_BYTES = 65536
LINE_LIMIT_BYTES = (
    64 * 1024 * 1024
)  # of what is read from a plugin under test; its own limit is tried by a check
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class EndedError(Exception):
    """There is nobody at the other end any more."""


class Channel(Protocol):
    """A conversation with one process (or one object) of a plugin."""

    def send(self, line: bytes, timeout_s: float = 20.0) -> None:
        """Sends one line, its newline included.

        Raises:
            EndedError: It does not read any more.
        """

    def receive(self, timeout_s: float) -> bytes | None:
        """The next line it said, without its newline; `None` when it said nothing in time.

        Raises:
            EndedError: It has closed its output and said all.
        """

    def close_input(self) -> None:
        """The host has gone: end of file."""

    def wait_exit(self, timeout_s: float) -> str | None:
        """How it ended, such as "exit 0" or "SIGKILL"; `None` when it still runs then."""

    def kill(self) -> None:
        """Ends it and gives back what it held."""

    def pid(self) -> int | None:
        """Its process, where it has one of its own."""

    def held_bytes(self) -> int | None:
        """What it holds in memory now; `None` where that cannot be seen."""

    def log(self) -> list[str]:
        """The last lines of its log."""


class PipeChannel:
    """What every channel over two descriptors has in common."""

    def __init__(self, to_plugin: int, from_plugin: int) -> None:
        self._to = to_plugin
        self._from = from_plugin
        self._splitter = LineSplitter(LINE_LIMIT_BYTES)
        self._lines: deque[bytes] = deque()
        self._ended = False
        self._input_open = True
        os.set_blocking(to_plugin, False)
        os.set_blocking(from_plugin, False)

    def send(self, line: bytes, timeout_s: float = 20.0) -> None:
        """See `Channel`. Reads meanwhile: a plugin may have to get rid of an answer before it takes more."""
        rest = memoryview(line)
        until = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self._to, select.POLLOUT)
        if not self._ended:
            poll.register(self._from, select.POLLIN)
        while rest:
            left = until - time.monotonic()
            if left <= 0:
                raise EndedError(f"it has not read a message of {len(line)} bytes within {timeout_s:g} s")
            for descriptor, _ in poll.poll(left * 1000):
                if descriptor == self._from:
                    self._read()
                    if self._ended:
                        poll.unregister(self._from)
                else:
                    rest = self._write(rest)

    def _write(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self._to, rest) :]
        except BlockingIOError:
            return rest
        except OSError as error:
            raise EndedError("it has closed its input") from error

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Channel`."""
        until = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        while not self._lines:
            if self._ended:
                raise EndedError("it has closed its output")
            left = max(until - time.monotonic(), 0.0)
            if not poll.poll(left * 1000):
                return None
            self._read()
        return self._lines.popleft()

    def _read(self) -> None:
        try:
            data = os.read(self._from, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended = True
        self._lines.extend(line for line in self._splitter.feed(data) if line.strip())

    def close_input(self) -> None:
        """See `Channel`."""
        if self._input_open:
            self._input_open = False
            os.close(self._to)

    def close(self) -> None:
        """Gives both descriptors back."""
        self.close_input()
        if self._from >= 0:
            os.close(self._from)
            self._from = -1


def resident_bytes(pid: int | None) -> int | None:
    """What a process holds in memory now; `None` where that cannot be seen."""
    if pid is None:
        return None
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    return None


def thread_count(pid: int | None) -> int | None:
    """How many threads a process has now; `None` where that cannot be seen."""
    if pid is None:
        return None
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return None

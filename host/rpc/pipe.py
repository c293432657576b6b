"""Two pipe ends on the event loop: reads are handed on as they come, writes go out at once or wait their turn.

Raw descriptors with `add_reader` instead of asyncio's transports: those read into 256 KB buffers that are
mapped and unmapped each time, which costs more than the rest of a call (measured: docs/reference/performance.md).
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

READ_BYTES = 65536
PARTS = 256  # of what waits, in one system call; the kernel takes 1,024


PipeMaker: TypeAlias = "Callable[[int, int, Callable[[bytes], None], Callable[[], None]], Pipe]"


class PipeClosedError(Exception):
    """The other end is closed."""


class Pipe:
    """A non-blocking pair of descriptors, which stay their owner's to close."""

    def __init__(
        self, read_fd: int, write_fd: int, on_data: Callable[[bytes], None], on_eof: Callable[[], None]
    ) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._on_data = on_data
        self._on_eof = on_eof
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes | memoryview] = deque()
        self._reading = True
        self._writable = True
        self.unsent_bytes = 0
        self._loop.add_reader(read_fd, self._read)

    def write(self, data: bytes) -> None:
        """Sends *data* after all that was sent before it. Never blocks; `unsent_bytes` says what waits.

        Raises:
            PipeClosedError: Nobody reads any more.
        """
        if not self._writable:
            raise PipeClosedError
        if not self._waiting:
            try:
                sent = os.write(self._write_fd, data)
            except OSError as error:
                sent = self._not_sent(error)
            if sent == len(data):
                return
            rest: bytes | memoryview = memoryview(data)[sent:]
            self._loop.add_writer(self._write_fd, self._flush)
        else:
            rest = data
        self._waiting.append(rest)
        self.unsent_bytes += len(rest)

    def gather(self, data: bytes) -> None:
        """As `write`, but in one go with what else is gathered in this turn of the loop: for when much is under way."""
        if not self._writable:
            raise PipeClosedError
        if not self._waiting:
            self._loop.call_soon(self._send_gathered)
        self._waiting.append(data)
        self.unsent_bytes += len(data)

    def close(self) -> None:
        """Stops watching the descriptors; forgets what was not sent."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._read_fd)
        self._stop_writing()

    def _not_sent(self, error: OSError) -> int:
        if isinstance(error, BlockingIOError):
            return 0
        self._stop_writing()
        raise PipeClosedError from error

    def _send_gathered(self) -> None:
        self._send_waiting()
        if self._waiting:
            self._loop.add_writer(self._write_fd, self._flush)

    def _flush(self) -> None:
        self._send_waiting()
        if not self._waiting:
            self._loop.remove_writer(self._write_fd)

    def _send_waiting(self) -> None:
        while self._waiting:
            try:
                sent = os.writev(self._write_fd, list(islice(self._waiting, PARTS)))
            except BlockingIOError:
                return
            except OSError:
                self._stop_writing()
                return  # the reader's EOF, or the process's exit, tells the owner
            self._took(sent)

    def _took(self, sent: int) -> None:
        self.unsent_bytes -= sent
        while sent:
            first = self._waiting.popleft()
            if len(first) > sent:
                self._waiting.appendleft(memoryview(first)[sent:])
                return
            sent -= len(first)

    def _stop_writing(self) -> None:
        if self._waiting:
            self._loop.remove_writer(self._write_fd)
        self._waiting.clear()
        self.unsent_bytes = 0
        self._writable = False

    def _read(self) -> None:
        try:
            data = os.read(self._read_fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self._reading = False
            self._loop.remove_reader(self._read_fd)
            self._on_eof()

"""Records what is said to a plugin and what it says, line by line, and reads it back.

A recording is a file of JSON, an `Entry` a line; a running host makes the same (`host/rpc/recording.py`). It is made to be
read, sent with a bug report, and replayed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from host.errors import ConfigError
from host.rpc.recording import Direction, Entry, put_aside
from plugin_sdk.testing.channel import Channel


class RecordingChannel:
    """A channel that writes down what passes. Satisfies `Channel`."""

    def __init__(self, inner: Channel, note: Callable[[Direction, bytes], None]) -> None:
        self._inner = inner
        self._note = note

    def send(self, line: bytes, timeout_s: float = 20.0) -> None:
        """See `Channel`."""
        self._note("plugin", line)
        self._inner.send(line, timeout_s)

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Channel`."""
        line = self._inner.receive(timeout_s)
        if line is not None:
            self._note("host", line)
        return line

    def close_input(self) -> None:
        """See `Channel`."""
        self._inner.close_input()

    def wait_exit(self, timeout_s: float) -> str | None:
        """See `Channel`."""
        return self._inner.wait_exit(timeout_s)

    def kill(self) -> None:
        """See `Channel`."""
        self._inner.kill()

    def pid(self) -> int | None:
        """See `Channel`."""
        return self._inner.pid()

    def held_bytes(self) -> int | None:
        """See `Channel`."""
        return self._inner.held_bytes()

    def log(self) -> list[str]:
        """See `Channel`."""
        return self._inner.log()


class Recorder:
    """Writes a recording; `wrap` is put around each channel."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._processes = 0
        self._began = time.monotonic()

    def wrap(self, channel: Channel) -> Channel:
        """*channel*, recorded as a process of its own."""
        self._processes += 1
        process = self._processes

        def note(to: Direction, line: bytes) -> None:
            at_ms = round((time.monotonic() - self._began) * 1000, 3)
            text = line.rstrip(b"\n").decode(errors="replace")
            self._file.write(msgspec.json.encode(Entry(process, at_ms, to, text)) + b"\n")

        return RecordingChannel(channel, note)


@contextlib.contextmanager
def recording(path: Path | None) -> Iterator[Callable[[Channel], Channel]]:
    """What to put around channels: a recorder that writes to *path*, or nothing.

    Raises:
        ConfigError: The file cannot be written, or is there and no recording.
    """
    if path is None:
        yield lambda channel: channel
        return
    put_aside(path)
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    with file:
        yield Recorder(file).wrap


def read_recording(path: Path) -> list[Entry]:
    """A recording, in its order.

    Raises:
        ConfigError: It cannot be read, or is none.
    """
    entries = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}:{number} is no line of a recording ({error}); --record makes them"
            ) from error
    return entries

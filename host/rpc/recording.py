"""Records what a running host and its plugins say to each other, line by line, for bug reports and replay.

A recording is a file of JSON, one object a line: `{"process": 1, "at_ms": 12.5, "to": "plugin", "line": "...", "plugin":
"name"}`. The loop only puts what passes into a queue; a thread of its own encodes and writes it. Both the queue and the file
are bounded: a recording that is full, or that cannot be written, ends, and the host goes on.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from host.errors import ConfigError
from host.rpc.pipe import Pipe, PipeMaker

log = logging.getLogger(__name__)

Direction = Literal["plugin", "host"]
HIDDEN = "(hidden)"
_SECRET = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
_WAITING_BYTES = 32 << 20  # of what the thread has not written yet: four of the largest frames
_BEGINS = b'{"process":'  # every recording that has a line
_CLOSE_S = 10.0  # for the thread to write what is left; a disk that is slower costs the end of the recording


@dataclass(frozen=True)
class RecordingConfig:
    """What a recording of the host's may become. Whether there is one says `serve.record`.

    Attributes:
        max_bytes: Of the file; a recording that reaches it ends.
        only: Names of the plugins that are recorded; all when empty.
    """

    max_bytes: int = 64 << 20
    only: tuple[str, ...] = ()


class Entry(msgspec.Struct, omit_defaults=True):
    """One line of a recording.

    Fields:
        process: Counts the processes of a run, from 1.
        at_ms: Since the recording began.
        to: Who was told.
        line: What; a line that is not UTF-8 has replacement characters.
        plugin: Whose process; empty where there is only one plugin.
    """

    process: int
    at_ms: float
    to: Direction
    line: str
    plugin: str = ""


class Recorder:
    """Writes the recording of one run. To be closed with `close`.

    Raises:
        ConfigError: The file cannot be written, or is there and no recording.
    """

    def __init__(self, path: Path, config: RecordingConfig | None = None) -> None:
        self._path = path
        self._config = config or RecordingConfig()
        put_aside(path)
        try:
            # What callers asked stands in it, so it is nobody else's to read.
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigError(f"serve.record {path} cannot be written: {error.strerror or error}") from error
        self._file: BinaryIO = os.fdopen(fd, "wb")
        self._began = time.monotonic()
        self._processes = 0
        self._waiting_bytes = 0
        self._ended: str | None = None
        self._queue: queue.SimpleQueue[tuple[int, float, Direction, bytes, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()
        log.info("recording.started", extra={"file": str(path), "max_bytes": self._config.max_bytes})

    @property
    def ended(self) -> str | None:
        """Why nothing more is recorded; `None` while it is."""
        return self._ended

    def pipe_maker(self, plugin: str) -> PipeMaker:
        """For one process of a plugin: makes a pipe that is recorded, if the plugin is to be."""
        if self._config.only and plugin not in self._config.only:
            return Pipe
        self._processes += 1
        return partial(TapedPipe, Tape(self, self._processes, plugin))

    def note(self, process: int, to: Direction, line: bytes, plugin: str) -> None:
        """Writes a line down, soon. Never waits."""
        if self._ended is not None:
            return
        if self._waiting_bytes > _WAITING_BYTES:
            self._end("lines came faster than they could be written")
            return
        self._waiting_bytes += len(line)
        self._queue.put((process, time.monotonic() - self._began, to, line, plugin))

    def close(self) -> None:
        """Writes what is left; blocks for at most `_CLOSE_S`."""
        self._queue.put(None)
        self._thread.join(_CLOSE_S)

    def _end(self, why: str) -> None:
        if self._ended is None:
            self._ended = why
            log.warning("recording.ended", extra={"file": str(self._path), "why": why})

    def _write_all(self) -> None:
        room = self._config.max_bytes
        with self._file as file:
            while (noted := self._queue.get()) is not None:
                process, at_s, to, line, plugin = noted
                self._waiting_bytes -= len(line)
                if room <= 0:
                    continue
                text = without_secrets(line.rstrip(b"\n")).decode(errors="replace")
                entry = msgspec.json.encode(Entry(process, round(at_s * 1000, 3), to, text, plugin)) + b"\n"
                room -= len(entry)
                if room < 0:
                    self._end(f"it has reached recording.max_bytes, {self._config.max_bytes}")
                    continue
                try:
                    file.write(entry)
                    if self._queue.empty():
                        file.flush()  # so that it can be read while the host runs
                except OSError as error:
                    room = 0
                    self._end(f"it cannot be written: {error.strerror or error}")


class Tape:
    """What one process was told and said. Sees bytes as they come, and notes whole lines."""

    def __init__(self, recorder: Recorder, process: int, plugin: str) -> None:
        self._recorder = recorder
        self._process = process
        self._plugin = plugin
        self._rest = b""

    def told(self, line: bytes) -> None:
        """The plugin is told *line*."""
        self._recorder.note(self._process, "plugin", line, self._plugin)

    def heard(self, data: bytes) -> None:
        """The plugin said *data*; a line that has no end yet is kept, as long as the host itself keeps it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._recorder.note(self._process, "host", line, self._plugin)


class TapedPipe(Pipe):
    """A pipe whose traffic is noted."""

    def __init__(
        self,
        tape: Tape,
        read_fd: int,
        write_fd: int,
        on_data: Callable[[bytes], None],
        on_eof: Callable[[], None],
    ) -> None:
        def heard(data: bytes) -> None:
            tape.heard(data)
            on_data(data)

        super().__init__(read_fd, write_fd, heard, on_eof)
        self._told = tape.told

    def write(self, data: bytes) -> None:
        """See `Pipe`."""
        self._told(data)
        super().write(data)

    def gather(self, data: bytes) -> None:
        """See `Pipe`."""
        self._told(data)
        super().gather(data)


def put_aside(path: Path) -> None:
    """Makes room for a recording at *path*: an older one is kept as `NAME.1`, in the place of a still older one.

    Raises:
        ConfigError: One of the two files is no recording, and would be lost.
    """
    older = path.with_name(path.name + ".1")
    try:
        for each in (path, older):
            if each.is_file() and not _may_go(each):
                raise ConfigError(
                    f"{each} is there and is no recording; give --record another name, so that it is not lost"
                )
        if path.is_file() and not path.is_symlink():
            path.replace(older)
    except OSError as error:
        raise ConfigError(f"{path} cannot be put aside as {older.name}: {error.strerror or error}") from error


def _may_go(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_BEGINS)) in (_BEGINS, b"")


def without_secrets(line: bytes) -> bytes:
    """*line*, but that settings of a plugin whose names speak of secrets are hidden. They are told once, at the start."""
    if b'"method":"initialize"' not in line:
        return line
    try:
        message = msgspec.json.decode(line)
        config = message["params"]["config"]
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        return line
    message["params"]["config"] = _hidden(config)
    return msgspec.json.encode(message)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if _SECRET.search(name) else _hidden(each) for name, each in value.items()}
    return [_hidden(each) for each in value] if isinstance(value, list) else value

"""The last lines of what a program wrote to stderr; bounded, whatever it writes."""

from __future__ import annotations

from collections import deque

_LINE_BYTES = 4096  # longer lines are cut; a plugin without newlines must not grow the host


class OutputLog:
    """Collects bytes, keeps the last lines. Text is untrusted: shown only as data.

    Attributes:
        lines_seen: Finished lines, those that are no longer kept included.
    """

    def __init__(self, lines: int = 256) -> None:
        self._lines: deque[bytes] = deque(maxlen=lines)
        self._most = lines
        self._rest = b""
        self.bytes_seen = 0
        self.lines_seen = 0

    def feed(self, data: bytes) -> None:
        """Takes what was read."""
        self.bytes_seen += len(data)
        # Cut from the end, and no more than can be kept: a flood of lines costs what it leaves behind.
        pieces = (self._rest + data).rsplit(b"\n", self._most + 1)
        rest = pieces.pop()
        if len(pieces) > self._most:
            self.lines_seen += pieces.pop(0).count(b"\n") + 1
        for line in pieces:
            if len(line) <= _LINE_BYTES:
                self._lines.append(line)
                self.lines_seen += 1
            else:
                self._keep(line)
        while len(rest) > _LINE_BYTES:
            self._keep(rest[:_LINE_BYTES])
            rest = rest[_LINE_BYTES:]
        self._rest = rest

    def note(self, text: str) -> None:
        """A line of the host's own, or one the program sent as a `log` notification."""
        self._keep(text.encode())

    def tail(self, limit: int) -> list[str]:
        """The newest *limit* lines, oldest first, the unfinished one included."""
        lines = list(self._lines)
        if self._rest:
            lines.append(self._rest)
        return [_text(line) for line in lines[-limit:]] if limit > 0 else []

    def end(self) -> None:
        """Nothing more comes: an unfinished line is finished."""
        if self._rest:
            self._keep(self._rest)
            self._rest = b""

    def finished(self) -> list[str]:
        """The finished lines that are kept, oldest first."""
        return [_text(line) for line in self._lines]

    def _keep(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), _LINE_BYTES):
            self._lines.append(line[start : start + _LINE_BYTES])
            self.lines_seen += 1


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")

"""The points of a JSON document one after the other, however long it is: a list of them, or the list `data` of an export.

Theory of operation. Only what tells where an object ends is looked at: brackets outside of strings. What stands between
two ends is a point, which whoever asks decodes; what stands around the list has to be small, and is read as a whole at
the end, so that a document that was cut off, or counts another number of points than it has, is not taken for whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

import msgspec

CHUNK_BYTES = 256 * 1024
MOST_BYTES = 8 * 1024 * 1024  # of one point; a call of the host takes no more
AROUND_BYTES = 64 * 1024  # of what stands before and after the list
LIST = "data"  # the member of an export that holds the points

_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"


def elements(file: IO[bytes]) -> Iterator[bytes]:
    """Each element of the list, as it stands.

    Raises:
        ValueError: It is no such document; says what is wrong, and at which point.
    """
    text = _Text(file)
    head = _head(text)
    count = 0
    while (found := text.next_byte()) != b"]":
        if count:
            if found != b",":
                raise ValueError(f"after point {count} stands {found!r} instead of a comma or the list's end")
            text.at += 1
            found = text.next_byte()
        if found != b"{":
            raise ValueError(f"point {count + 1} begins with {found!r}; a point is an object")
        yield text.take(text.end_of_value(f"point {count + 1}"))
        count += 1
    text.at += 1
    _check_around(head, text.rest(), count)


class _Text:
    """A window onto the file: what was not taken yet, as far as it was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.window = file.read(CHUNK_BYTES)
        self.at = 0

    def more(self) -> bool:
        """Reads on; whether there was more. What lies before `at` is let go."""
        read = self._file.read(CHUNK_BYTES)
        self.window = self.window[self.at :] + read
        self.at = 0
        return bool(read)

    def next_byte(self) -> bytes:
        """The next that is no space, at `at`."""
        while True:
            while self.at < len(self.window):
                found = self.window[self.at : self.at + 1]
                if found not in _SPACE:
                    return found
                self.at += 1
            if not self.more():
                raise ValueError("it ends within the list of points")

    def end_of_value(self, what: str) -> int:
        """Where the object or list that begins at `at` ends, beyond its bracket."""
        depth, inside, place = 0, False, self.at
        while True:
            found = (_INSIDE if inside else _OUTSIDE).search(self.window, place)
            if found is None:
                place = len(self.window) - self.at
                if place > MOST_BYTES:
                    raise ValueError(f"{what} has more than {MOST_BYTES} bytes")
                if not self.more():
                    raise ValueError(f"it ends within {what}")
                continue
            place, which = found.end(), found[0]
            if which == b'"':
                inside = not inside
            elif which == b"\\":
                if place == len(self.window):  # what it escapes has not been read
                    place -= self.at
                    if not self.more():
                        raise ValueError(f"it ends within {what}")
                place += 1
            elif which in b"{[":
                depth += 1
            else:
                depth -= 1
                if depth == 0:
                    return place

    def take(self, end: int) -> bytes:
        """From `at` to *end*, which is `at` from now on."""
        taken, self.at = self.window[self.at : end], end
        return taken

    def rest(self) -> bytes:
        """All that is left, which has to be little."""
        while len(self.window) - self.at <= AROUND_BYTES:
            if not self.more():
                return self.window[self.at :]
        raise ValueError(f"more than {AROUND_BYTES} bytes stand after the list of points")


def _head(text: _Text) -> bytes:
    """What stands before the list's first point, the list's own bracket included."""
    while (
        text.window[:AROUND_BYTES].lstrip(_SPACE) == b"" and len(text.window) < AROUND_BYTES and text.more()
    ):
        pass
    begin = len(text.window) - len(text.window.lstrip(_SPACE))
    if text.window[begin : begin + 1] == b"[":
        return text.take(begin + 1)
    if text.window[begin : begin + 1] == b"{":
        depth, place = 0, begin
        for found in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', text.window[:AROUND_BYTES]):
            token, place = found[0], found.end()
            if token[:1] in b"{[":
                depth += 1
            elif token[:1] in b"]}":
                depth -= 1
            elif depth == 1 and token == b'"%s"' % LIST.encode():
                opened = re.compile(rb"\s*:\s*\[").match(text.window, place)
                if opened:
                    return text.take(opened.end())
    raise ValueError("neither a list of points nor an export of them")


def _check_around(head: bytes, rest: bytes, count: int) -> None:
    try:
        around: Any = msgspec.json.decode(head + b"]" + rest)
    except msgspec.DecodeError as error:
        raise ValueError(f"what stands around the list of points is no JSON: {error}") from error
    said = around.get("count") if isinstance(around, dict) else None
    if said is not None and said != count:
        raise ValueError(f"it says that it has {said!r} points, and it has {count}")

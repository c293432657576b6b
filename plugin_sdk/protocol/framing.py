"""Cuts a byte stream into lines, with the cap checked while a line is still coming in."""

from __future__ import annotations


class FrameTooLargeError(ValueError):
    """A line is longer than both sides agreed on; the stream cannot be trusted any further.

    Attributes:
        size: Bytes seen of the line so far.
        limit: Bytes allowed.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a frame of {size} bytes or more is over the limit of {limit}")
        self.size = size
        self.limit = limit


class LineSplitter:
    """Collects bytes, gives whole lines without their newline.

    Linear in the bytes fed, whatever their cuts: each byte is searched for a newline once.

    Attributes:
        limit: Bytes a line may have.
        held: Bytes of a line that has not ended yet. Read it; `feed` writes it.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that *data* completes, oldest first.

        Raises:
            FrameTooLargeError: A line is over the limit, whether or not its end has come.
        """
        reach = self.held + len(data)  # no line in play is longer, so most feeds need no look at each
        lines = data.split(b"\n")
        rest = lines.pop()
        if self._parts and lines:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts.clear()
            self.held = 0
        if rest:
            self._parts.append(rest)
            self.held += len(rest)
        if self.held > self.limit:
            raise FrameTooLargeError(self.held, self.limit)
        if reach > self.limit:
            for line in lines:
                if len(line) > self.limit:
                    raise FrameTooLargeError(len(line), self.limit)
        return lines

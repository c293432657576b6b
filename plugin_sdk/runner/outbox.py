"""Lines on their way to the host, from several threads, as few writes as can be."""

from __future__ import annotations

import os
import threading
from collections import deque


class Outbox:
    """Collects lines and writes them whole. Any thread may add and flush."""

    def __init__(self, writing: int) -> None:
        self._writing = writing
        self._lines: deque[bytes] = deque()
        self.add = self._lines.append  # puts a line up for the next flush
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._lines)

    def flush(self) -> None:
        """Writes all that was put up. The process ends when the host has gone: nobody is left to answer."""
        with self._lock:
            lines = self._lines
            if not lines:
                return
            # popleft and append are atomic: a line another thread adds meanwhile goes out now or next time.
            data = lines.popleft()
            if lines:
                parts = [data]
                while lines:
                    parts.append(lines.popleft())
                data = b"".join(parts)
            try:
                written = os.write(self._writing, data)
                if written < len(data):
                    rest = memoryview(data)[written:]
                    while rest:
                        rest = rest[os.write(self._writing, rest) :]
            except (BrokenPipeError, ConnectionResetError):
                os._exit(0)

"""A second pair of ears: reads the wire while the main thread is in the author's code.

Theory of operation. The main thread reads, answers, reads again; that is the cheapest there is. Only while it is
away for longer than a tick does this thread read in its place, so that `ping` and `$/cancelRequest` are heard.
Two flags hand the reading over, each side sets its own and then looks at the other's, so at least one of them
sees the other (Dekker): main clears `busy` and looks at `reading`; standby sets `reading`, takes the lock and
looks at `busy`. Only a main that saw `reading` needs the lock: it is waited for there. Idle, standby sleeps on an
event and costs nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from typing import Protocol

TICK_S = 0.010  # how long main may be away before somebody else listens
QUIET_TICKS = 20  # 200 ms without a read, then it sleeps


class Listened(Protocol):
    """What the main thread shows of itself."""

    busy: bool
    reads: int
    read_lock: threading.Lock

    def hear(self) -> bool:
        """Reads once and acts on it; false at the end of the stream. The read lock is held, main is busy."""

    def flush(self) -> None:
        """Sends what waits to be sent."""


class Standby:
    """The thread that listens while the main thread cannot."""

    def __init__(self, main: Listened, reading: int) -> None:
        self.reading = False
        self.asleep = True  # or not begun; main looks here before it calls `rouse`
        self._main = main
        self._descriptor = reading
        self._wake_up = threading.Event()
        self._back_r, self._back_w = os.pipe()
        os.set_blocking(self._back_r, False)
        os.set_blocking(self._back_w, False)
        self._thread: threading.Thread | None = None

    def rouse(self) -> None:
        """Main has read something, goes to work on it, and saw `asleep`."""
        self.asleep = False
        self._wake_up.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plugin_sdk.standby", daemon=True)
            self._thread.start()

    def give_back(self) -> None:
        """Main wants to read again; called when `reading` was seen."""
        with contextlib.suppress(BlockingIOError):  # full of earlier ones: it wakes all the same
            os.write(self._back_w, b"\0")

    def _run(self) -> None:
        main = self._main
        seen, quiet = -1, 0
        while True:
            time.sleep(TICK_S)
            if main.reads != seen:
                seen, quiet = main.reads, 0
            elif main.busy:
                if not self._listen():
                    return  # the stream has ended
                quiet = 0
            else:
                quiet += 1
                if quiet >= QUIET_TICKS:
                    self._sleep(seen)
                    quiet = 0

    def _sleep(self, seen: int) -> None:
        self._wake_up.clear()
        self.asleep = True
        # Looked at after the flag was set: a read before it is seen here, one after it sees the flag.
        if self._main.reads != seen:
            self.asleep = False
            return
        self._wake_up.wait()

    def _listen(self) -> bool:
        main = self._main
        self.reading = True
        if not main.read_lock.acquire(blocking=False):
            self.reading = False
            return True
        try:
            self._forget_wakes()
            main.flush()  # quick answers do not wait for the slow one behind them
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            poll.register(self._back_r, select.POLLIN)
            while main.busy:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self._descriptor in ready and main.busy and not main.hear():
                    return False
            return True
        finally:
            main.read_lock.release()
            self.reading = False

    def _forget_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._back_r, 4096)

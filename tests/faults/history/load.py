"""A write load on a history, as a program: says each point that was acknowledged, on stdout, and goes on until killed.

Arguments: the folder; how it is to cheat, for the controls: `honest`, `early` (acknowledges before the commit) or
`unsynced` (synchronous=OFF); seconds of pause after each batch; and a descriptor to hand a seccomp listener over, or -1.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from host.clock import SystemClock
from host.errors import EngineOpsError
from host.workload.config import HistoryConfig
from host.workload.history import History
from host.workload.store import database
from host.workload.store.writer import Writer
from plugin_sdk.contract.workload import WorkloadDataPoint

CALLERS = 8
POINTS = 1_000_000


def point(number: int) -> WorkloadDataPoint:
    """The point of this number; every member is made of it, so that a changed one is known."""
    return WorkloadDataPoint(
        float(number), f"type-{number % 3}", {"cpu": number / 7}, float(number % 1000), number % 2 == 0,
        {"check": str(number * number)}, {"user": f"u{number % 11}", "procs": number % 64}, f"r{number}",
    )  # fmt: skip


async def load(folder: Path, pause_s: float) -> None:
    history = History(folder, HistoryConfig(points=POINTS), SystemClock())
    await history.open()
    start = history.last_seq
    print("ready", start, flush=True)

    async def caller(which: int) -> None:
        number, refused = start * 1000 + which * 10**10, 0
        while True:
            size = 1 + number % 37
            try:
                await history.record([point(each) for each in range(number, number + size)])
            except EngineOpsError as error:
                refused += 1
                if refused == 1:
                    os.write(1, f"refused {error}\n".encode())
                await asyncio.sleep(0.05)
            else:
                os.write(1, f"{number} {size}\n".encode())
            number += size
            await asyncio.sleep(pause_s)

    await asyncio.gather(*(caller(which) for which in range(CALLERS)))


def cheat(how: str) -> None:
    if how == "unsynced":
        connect = database._connect

        class Unsynced:
            def __init__(self, connection):
                self._connection = connection

            def execute(self, order, *values):
                return self._connection.execute(order.replace("= FULL", "= OFF"), *values)

            def __getattr__(self, name):
                return getattr(self._connection, name)

        database._connect = lambda path: Unsynced(connect(path))
    elif how == "early":
        settle = Writer._settle

        def early(self, group):
            for each in group:
                each.outcome = len(each.points)
            told = self._on_settled
            told(group)
            time.sleep(0.02)  # a slow disk, so that few kills are needed to find it
            self._on_settled = lambda _: None
            try:
                settle(self, group)
            finally:
                self._on_settled = told

        Writer._settle = early
    else:
        assert how == "honest"


def hand_over_syncs(descriptor: int) -> None:
    """From here on every sync of this process waits for the word of whoever holds the listener."""
    from host.sandbox.kernel.libc import prctl
    from host.sandbox.seccomp.install import FILTER_FLAG_NEW_LISTENER, install
    from tests.faults.history.syncs import program

    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    listener = install(program(), FILTER_FLAG_NEW_LISTENER)
    assert listener is not None
    with socket.socket(fileno=descriptor) as other:
        socket.send_fds(other, [b"listener"], [listener])
    os.close(listener)


if __name__ == "__main__":
    where, way, seconds, handing = sys.argv[1:]
    if int(handing) >= 0:
        hand_over_syncs(int(handing))
    cheat(way)
    asyncio.run(load(Path(where), float(seconds)))

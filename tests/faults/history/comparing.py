"""What was acknowledged, beside what is there."""

from __future__ import annotations

from pathlib import Path

from host.clock import SystemClock
from host.workload.config import HistoryConfig
from host.workload.history import History
from host.workload.selection import Selection
from host.workload.store.lines import decode_line
from tests.faults.history.load import POINTS, point


def acknowledged(said: bytes) -> set[int]:
    """Numbers of the points in the lines that the load wrote, whole lines alone."""
    found: set[int] = set()
    for line in said.decode().split("\n")[:-1]:
        first, _, second = line.partition(" ")
        if first.isdigit():
            found.update(range(int(first), int(first) + int(second)))
    return found


async def kept(folder: Path) -> tuple[list[int], History]:
    """Numbers of the points that a new host finds there, in their order; each of them is as it was recorded."""
    history = History(folder, HistoryConfig(points=POINTS), SystemClock())
    await history.open()
    numbers = []
    async for lines in history.chunks(Selection()):
        for line in lines:
            found = decode_line(line)
            assert found == point(int(found.timestamp))
            numbers.append(int(found.timestamp))
    return numbers, history

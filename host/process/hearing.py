"""Hears a short-lived program out: all it writes to stdout, until it has ended or has had its time."""

from __future__ import annotations

import asyncio
import contextlib
import os

from host.process.child import Child
from host.process.exits import ExitReport

_READ_BYTES = 65536


async def hear_out(
    child: Child, *, within_s: float, keep_bytes: int = _READ_BYTES
) -> tuple[bytes, ExitReport]:
    """Reads until the program's end; one that takes longer than *within_s* is killed.

    The pipes are closed afterwards, and when this is cancelled the program is killed first.

    Returns:
        The first *keep_bytes* of stdout, and how it ended.
    """
    loop = asyncio.get_running_loop()
    text = bytearray()

    def read() -> bool:
        """Whether there may be more."""
        try:
            data = os.read(child.stdout_fd, _READ_BYTES)
        except BlockingIOError:
            return False
        text.extend(data[: keep_bytes - len(text)])
        if not data:
            loop.remove_reader(child.stdout_fd)
        return bool(data)

    loop.add_reader(child.stdout_fd, read)
    try:
        try:
            async with asyncio.timeout(within_s):
                await asyncio.shield(child.exited)
        except TimeoutError:
            child.kill("timeout", f"it did not end within {within_s:g} s")
            await asyncio.shield(child.exited)
        while read():  # what lay in the pipe when it ended
            continue
    finally:
        child.kill("stopped", "nobody waits for it any longer")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(child.exited)
        loop.remove_reader(child.stdout_fd)
        child.close_pipes()
    return bytes(text), child.exited.result()

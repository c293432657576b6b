"""The host under demonstration: a process of its own, started and stopped as a user would."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from host.errors import EngineOpsError

LISTEN_TIMEOUT_S = 30.0
STOP_GRACE_S = 10.0  # the host stops its plugins one by one first
_TAIL_LINES = 12


class HostNotStartedError(EngineOpsError):
    """The host did not come up; its last words are in the message."""


@asynccontextmanager
async def running_host(plugins: Path, data: Path, log: Path) -> AsyncIterator[str]:
    """A host on a free port; yields its URL, and stops it at the end.

    Args:
        plugins: Its plugins directory.
        data: Where it keeps its history.
        log: File that gets its log.

    Raises:
        HostNotStartedError: It ended, or said nothing, instead of listening.
    """
    command = [sys.executable, "-m", "host.cli.main", "serve"]
    command += ["--plugins", str(plugins), "--data", str(data), "--port", "0", "--json"]
    with log.open("wb") as stderr:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the host in good order.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=stderr,
            start_new_session=True,
        )  # fmt: skip
    try:
        url, drain = await _listening(process, log)
        try:
            yield url
        finally:
            drain.cancel()
    finally:
        await _stop(process)


async def _listening(process: asyncio.subprocess.Process, log: Path) -> tuple[str, asyncio.Task[None]]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LISTEN_TIMEOUT_S):
            while line := await process.stdout.readline():
                said = _event(line)
                if said.get("event") == "listening":
                    # What it says on stdout later is read and dropped, so that the pipe never fills.
                    drain = asyncio.create_task(_drain(process.stdout), name="demo:host-stdout")
                    return str(said["url"]), drain
            code = await process.wait()
    except TimeoutError as exc:
        raise HostNotStartedError(
            f"the host did not listen within {LISTEN_TIMEOUT_S:g} s; {_tail(log)}"
        ) from exc
    raise HostNotStartedError(f"the host ended with code {code} instead of listening; {_tail(log)}")


def _event(line: bytes) -> dict[str, object]:
    try:
        said = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_GRACE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session is its own; nobody else is in it
        await process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "its log ends:\n  " + "\n  ".join(lines) if lines else f"its log {log} is empty"

"""A short-lived program is heard out, within its time and with bounds on what is kept."""

from __future__ import annotations

import asyncio
import sys

import pytest

from host.clock import SystemClock
from host.process.child import LocalLauncher
from host.process.hearing import hear_out
from host.process.spec import LaunchSpec


async def start(code):
    argv = (sys.executable, "-I", "-S", "-c", code)
    return await LocalLauncher(SystemClock()).launch(LaunchSpec("a program", argv, "/", {}))


async def test_all_it_said_is_there_and_how_it_ended():
    text, report = await hear_out(
        await start("print('a' * 200_000); raise SystemExit(3)"), within_s=20, keep_bytes=10**6
    )
    assert (len(text), report.exit_code) == (200_001, 3)


async def test_what_is_over_the_bound_is_read_and_not_kept():
    text, report = await hear_out(await start("print('a' * 2_000_000)"), within_s=20, keep_bytes=100)
    assert (len(text), report.exit_code) == (100, 0)


async def test_one_that_takes_too_long_is_killed():
    child = await start("import time; time.sleep(600)")
    _, report = await hear_out(child, within_s=0.2)
    assert (report.cause, child.alive) == ("timeout", False)
    assert "did not end within 0.2 s" in report.summary


async def test_one_that_nobody_waits_for_any_longer_is_killed():
    child = await start("import time; print('up', flush=True); time.sleep(600)")
    waiting = asyncio.ensure_future(hear_out(child, within_s=60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not child.alive

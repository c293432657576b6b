"""Histories in the test's own folder, opened and closed with the test."""

from __future__ import annotations

import contextlib

import pytest

from host.clock import SystemClock
from host.workload.config import HistoryConfig
from host.workload.history import History


@pytest.fixture
async def histories(tmp_path):
    """`await histories(points=..., ...)`: a history with these settings; a name opens the same one again."""
    async with contextlib.AsyncExitStack() as stack:

        async def made(name="history", clock=None, kept=True, **settings):
            history = History(tmp_path / name, HistoryConfig(**settings), clock or SystemClock(), kept=kept)
            await history.open()
            stack.push_async_callback(_close_once(history))
            return history

        yield made


def _close_once(history):
    close = history.aclose
    closed = False

    async def once():
        nonlocal closed
        if not closed:
            closed = True
            await close()

    history.aclose = once
    return once

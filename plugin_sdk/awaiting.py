"""Lets authors write `async def`: what they return is awaited on an event loop private to the thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_of_thread = threading.local()
_PLAIN = frozenset({dict, list, float, int, str, bool, type(None)})  # most answers; a look-up costs least


def settled(value: Any) -> Any:
    """*value*, or what it comes to when it is awaitable. The loop is kept: sessions and pools live on it."""
    kind = type(value)
    if kind in _PLAIN or not hasattr(kind, "__await__"):
        return value
    return _loop().run_until_complete(_await(value))


def close_loop() -> None:
    """Ends the loop of this thread, if there is one."""
    loop: asyncio.AbstractEventLoop | None = getattr(_of_thread, "loop", None)
    if loop is not None and not loop.is_running():
        loop.close()
        del _of_thread.loop


async def _await(value: Any) -> Any:
    return await value


def _loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop | None = getattr(_of_thread, "loop", None)
    if loop is None:
        import asyncio  # 20 ms that a plugin without `async def` does not pay

        loop = _of_thread.loop = asyncio.new_event_loop()
    return loop

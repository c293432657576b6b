"""How often others have their turn of the event loop while something is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def turns_during(work: Coroutine[Any, Any, T]) -> tuple[T, int]:
    """What *work* comes to, and how many turns somebody else had meanwhile."""
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    found = await work
    other.cancel()
    return found, turns

"""Asks all plugins at once, until each has answered, time is up, or no further answer is of use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from host.clock import Clock
from host.engine.ask import Assess, Heard, Question, ask
from host.registry.askable import Askable

CANCEL_GRACE_S = 0.05  # for a cancelled call to unwind; it only has to send its notice


def nothing() -> None:
    """There is nothing else to do."""


async def gather(
    asked: Sequence[tuple[Askable, str]],
    question: Question,
    assess: Assess,
    deadline: float,
    clock: Clock,
    enough: asyncio.Future[None],
    meanwhile: Callable[[], None] = nothing,
) -> tuple[list[Heard], list[str]]:
    """Asks all at once.

    Args:
        asked: Each with the method to ask it by.
        deadline: Nobody is waited for after it, on *clock*.
        enough: Done when no further answer is of use.
        meanwhile: Called when the calls have gone out; it takes little time and raises nothing.

    Returns:
        What became of each, in the order of *asked*; and who was not waited for because there was enough.
    """
    if not asked:
        meanwhile()
        return [], []
    if len(asked) == 1:
        plugin, method = asked[0]
        found = await _ask_one(plugin, method, question, assess, deadline, clock, enough, meanwhile)
        return ([], [plugin.by]) if found is None else ([found], [])
    loop = asyncio.get_running_loop()
    began = clock.now()
    over: asyncio.Future[None] = loop.create_future()
    waiting_for = len(asked)

    def end(_: object = None) -> None:
        if not over.done():
            over.set_result(None)

    async def one(plugin: Askable, method: str) -> Heard:
        nonlocal waiting_for
        heard = await ask(plugin, method, question, assess, deadline, clock)
        waiting_for -= 1
        if not waiting_for:
            end()
        return heard

    tasks = [loop.create_task(one(plugin, method), name=f"ask:{plugin.name}") for plugin, method in asked]
    # After the first step of the tasks, in which the calls go out.
    doing = loop.call_soon(meanwhile)
    timer = loop.call_later(deadline - began, end)
    enough.add_done_callback(end)
    try:
        await over
    finally:
        doing.cancel()
        timer.cancel()
        enough.remove_done_callback(end)
        await _cancel(tasks)
    heard, spared = [], []
    for (plugin, _), task in zip(asked, tasks, strict=True):
        if task.done() and not task.cancelled():
            heard.append(task.result())
        elif enough.done():
            spared.append(plugin.by)
        else:
            heard.append(_late(plugin, clock.now() - began))
    return heard, spared


async def _ask_one(
    plugin: Askable,
    method: str,
    question: Question,
    assess: Assess,
    deadline: float,
    clock: Clock,
    enough: asyncio.Future[None],
    meanwhile: Callable[[], None],
) -> Heard | None:
    """As `gather`, without a task, since most requests have one plugin to ask and a task costs turns of the loop.

    Returns:
        `None` when there was enough before it answered.
    """
    loop, mine = asyncio.get_running_loop(), asyncio.current_task()
    assert mine is not None
    began, cancelling = clock.now(), mine.cancelling()
    is_asking, is_over, has_done = True, False, False

    def end(_: object = None) -> None:
        nonlocal is_over
        if is_asking and not is_over:
            is_over = True
            mine.cancel()

    def do() -> None:
        nonlocal has_done
        has_done = True
        meanwhile()

    doing = loop.call_soon(do)
    timer = loop.call_later(deadline - began, end)
    enough.add_done_callback(end)
    found: Heard | None = None
    try:
        found = await ask(plugin, method, question, assess, deadline, clock)
    except asyncio.CancelledError:
        if not is_over or mine.uncancel() > cancelling:
            raise  # by somebody else
        if not enough.done():
            found = _late(plugin, clock.now() - began)
    finally:
        is_asking = False
        doing.cancel()
        timer.cancel()
        enough.remove_done_callback(end)
    if not has_done:  # it could not be asked
        meanwhile()
    return found


async def _cancel(tasks: Sequence[asyncio.Task[Heard]]) -> None:
    open_ = [task for task in tasks if not task.done()]
    for task in open_:
        task.cancel()
    if open_:
        await asyncio.wait(open_, timeout=CANCEL_GRACE_S)


def _late(plugin: Askable, waited_s: float) -> Heard:
    waited_ms = waited_s * 1000.0
    return Heard(plugin.by, "late", waited_ms, reason=f"no answer within {waited_ms:.0f} ms")

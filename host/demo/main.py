"""The demo from start to end: folder, host, replay, summary."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from host.demo.caller import Caller, CallFailedError
from host.demo.folder import SABOTEUR, prepare, sample_plugins
from host.demo.options import DemoOptions
from host.demo.replay import Replay
from host.demo.server import running_host
from host.demo.source import choose
from host.demo.status import PluginStatus, all_settled, statuses
from host.demo.summary import Ending, succeeded, summary
from host.demo.view import Snapshot, show_lines, show_live
from host.traces.job import Trace

SETTLE_TIMEOUT_S = 20.0  # a plugin that is not up by then joins later; the replay does not wait for it
SETTLE_POLL_S = 0.1


def run_demo(options: DemoOptions) -> int:
    """The demo, to its end; the exit code: 0 when every request was answered, 1 otherwise.

    Raises:
        EngineOpsError: It cannot be run as asked; the message says why and what would help.
    """
    try:
        return asyncio.run(run(options))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


async def run(options: DemoOptions) -> int:
    """As `run_demo`, in a running event loop; SIGTERM cancels it, and the host is stopped all the same."""
    options.check()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    trace = choose(options)
    samples = options.plugins or sample_plugins()
    folder = Path(tempfile.mkdtemp(prefix="engine-ops-demo-"))
    names = prepare(samples, folder / "plugins")
    _say(
        f"Workload: {trace.source}, {len(trace.jobs)} jobs, {trace.procs} processors, offered load {trace.load:.2f}."
    )
    _say(f"  {trace.description}")
    _say(f"Plugins: {', '.join(names)} (the last one misbehaves on purpose).")
    async with (
        running_host(folder / "plugins", folder / "data", folder / "host.log") as url,
        Caller(url) as caller,
    ):
        ending = await _replay(caller, trace, options, folder)
        print(summary(ending), flush=True)
        if options.keep:
            await _interrupted()
    return 0 if succeeded(ending.replay) else 1


async def _replay(caller: Caller, trace: Trace, options: DemoOptions, folder: Path) -> Ending:
    plugins = await _settled(caller)
    up = sum(each.state == "ready" for each in plugins)
    _say(f"Host: {caller.url}, {up} of {len(plugins)} plugins ready.")
    replay = Replay.over(caller, trace, options)

    async def snapshot() -> Snapshot:
        return Snapshot(replay, await _plugins(caller), caller.url)

    live = sys.stdout.isatty() and not options.plain and not os.environ.get("NO_COLOR")
    showing = asyncio.create_task(
        show_live(snapshot) if live else show_lines(snapshot, sys.stdout), name="demo:view"
    )
    try:
        await replay.run()
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
    return Ending(
        replay=replay,
        plugins=await _plugins(caller),
        saboteur=await _asked(caller, "plugins.get", {"name": SABOTEUR}),
        stats=await _asked(caller, "workload.stats", {}),
        url=caller.url,
        folder=folder,
        kept=options.keep,
    )


async def _interrupted() -> None:
    """Waits for Ctrl-C, which is no failure here."""
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, event.set)
    await event.wait()


async def _settled(caller: Caller) -> list[PluginStatus]:
    """The plugins once each is up or will not come up, or when waiting longer is not worth it."""
    found: list[PluginStatus] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            while not all_settled(found := await _plugins(caller)):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(SETTLE_POLL_S)
    return found


async def _plugins(caller: Caller) -> list[PluginStatus]:
    return statuses(await _asked(caller, "plugins.list", {}))


async def _asked(caller: Caller, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """For what is only shown: an error shows as nothing, and the replay goes on."""
    try:
        reply = await caller.call(method, params)
    except CallFailedError as exc:
        _say(f"({exc})")
        return {}
    return reply if isinstance(reply, dict) else {"plugins": reply}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

"""The replay while it goes on: a live table on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from host.demo.replay import Replay
from host.demo.status import PluginStatus
from host.demo.tally import TypeTally, quantile

if TYPE_CHECKING:
    from rich.console import Group

LIVE_EVERY_S = 0.5
LINE_EVERY_S = 2.0
MIB = 1 << 20
TYPES = ("scheduling", "ml-driven", "resource", "performance")


@dataclass(frozen=True)
class Snapshot:
    """What there is to show at one moment."""

    replay: Replay
    plugins: list[PluginStatus]
    url: str


async def show_live(snapshot: Callable[[], Awaitable[Snapshot]]) -> None:
    """Redraws a table until cancelled."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(tables(await snapshot()), refresh=True)
            await asyncio.sleep(LIVE_EVERY_S)


async def show_lines(snapshot: Callable[[], Awaitable[Snapshot]], out: TextIO) -> None:
    """Prints a line at a time until cancelled."""
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        print(line(await snapshot()), file=out, flush=True)


def line(shot: Snapshot) -> str:
    """The replay on one line."""
    replay = shot.replay
    asked = ", ".join(
        f"{name} {replay.tally.types[name].asked}" for name in TYPES if name in replay.tally.types
    )
    queue = replay.tally.types["scheduling"]
    decided = ", ".join(f"{by} {count}" for by, count in queue.deciders.most_common(3))
    ready = sum(each.state == "ready" for each in shot.plugins)
    restarts = sum(each.restarts for each in shot.plugins)
    return (
        f"[{replay.elapsed_s:5.1f} s] jobs {len(replay.timeline.done)}/{len(replay.trace.jobs)}"
        f" | asked: {asked or 'nothing yet'} | queue decided by: {decided or 'nobody yet'}"
        f" | better than built-in by {percent(queue.mean_gain)} | plugins ready {ready}/{len(shot.plugins)},"
        f" restarts {restarts} | unanswered {replay.tally.unanswered}"
    )


def tables(shot: Snapshot) -> Group:
    """The replay as tables: what was asked and who decided; what each plugin costs."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    replay = shot.replay
    head = Text.assemble(
        ("engine-ops demo  ", "bold"),
        f"{replay.trace.name}: {len(replay.timeline.done)} of {len(replay.trace.jobs)} jobs done,"
        f" {len(replay.timeline.waiting)} waiting, {len(replay.timeline.running)} running"
        f"  |  {replay.elapsed_s:.0f} s  |  {shot.url}/api/v1/plugins",
    )
    asked = Table(title="what was asked, and who decided", title_justify="left", expand=True)
    for name in ("request", "asked", "answered", "p50 ms", "p99 ms", "decided by", "vs built-in"):
        asked.add_column(name, justify="left" if name in ("request", "decided by") else "right")
    for name in TYPES:
        asked.add_row(*type_row(name, replay.tally.types[name]))
    plugins = Table(title="what each plugin costs", title_justify="left", expand=True)
    for name in PLUGIN_COLUMNS:
        plugins.add_column(name, justify="left" if name in ("plugin", "state") else "right")
    for each in shot.plugins:
        plugins.add_row(*plugin_row(each), style=None if each.state == "ready" else "yellow")
    return Group(head, asked, plugins)


PLUGIN_COLUMNS = (
    "plugin",
    "state",
    "calls",
    "failed",
    "p50 ms",
    "p99 ms",
    "memory",
    "restarts",
    "trained on",
)


def type_row(name: str, of: TypeTally) -> list[str]:
    """A request type, as text in the order of the columns."""
    deciders = ", ".join(f"{by} {count}" for by, count in of.deciders.most_common(4))
    times = (f"{quantile(of.times_ms, level):.1f}" for level in (0.5, 0.99))
    return [name, str(of.asked), str(of.answered), *times, deciders or "-", percent(of.mean_gain)]


def plugin_row(each: PluginStatus) -> list[str]:
    """A plugin, as text in the order of `PLUGIN_COLUMNS`."""
    return [
        f"{each.name}@{each.version}",
        each.state,
        str(each.calls),
        str(each.failures),
        "-" if each.p50_ms is None else f"{each.p50_ms:.1f}",
        "-" if each.p99_ms is None else f"{each.p99_ms:.1f}",
        "-" if each.memory_bytes is None else f"{each.memory_bytes / MIB:.0f} MiB",
        str(each.restarts),
        str(each.trained_points) if each.trained_points else "-",
    ]


def percent(fraction: float | None) -> str:
    """With a sign, so that worse is seen; a dash where there is nothing to compare."""
    return "-" if fraction is None else f"{fraction * 100:+.1f} %"

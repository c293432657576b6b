"""`engine-ops simulate`: back-tests of plugins against the built-ins, on public traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from host.cli.show import json_option, print_json, print_rows, printable

TASKS = ("gpu-placement", "batch", "queue", "binpack", "jobshop")
SEEDED = ("gpu-placement", "queue")
WIDE = 150  # columns of a terminal on which results and costs fit beside each other
_PATH = click.Path(path_type=Path)


def _names(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for each in value for name in each.split(",") if name.strip())


def _seeds(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    seeds: list[int] = []
    for part in (value or "").split(","):
        first, dash, last = part.strip().partition("-")
        if not part.strip():
            continue
        if not first.isdigit() or (dash and not last.isdigit()):
            raise click.BadParameter(f"{part.strip()!r} is no seed; give 42, 42,45 or 42-51", param=param)
        if dash and int(last) < int(first):
            raise click.BadParameter(f"{part.strip()!r} goes down; give {last}-{first}", param=param)
        seeds.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(seeds))


def _task(_ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value in TASKS:
        return value
    from difflib import get_close_matches

    near = get_close_matches(value, TASKS, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"the tasks are {', '.join(TASKS)}"
    raise click.BadParameter(f"there is no task {value!r}; {remedy}", param=param)


@click.command()
@click.argument("task", metavar="TASK", callback=_task)
@click.argument("data", type=_PATH)
@click.option("--plugin", "plugins", type=_PATH, multiple=True, metavar="DIR", help="A plugin folder to try.")
@click.option(
    "--policy", "policies", multiple=True, callback=_names, metavar="NAME",
    help="A built-in; the first is compared with. Without it all, or with --plugin the first.",
)  # fmt: skip
@click.option(
    "--only", "lists", multiple=True, callback=_names, metavar="NAME",
    help="Only this list, log, group or instance of the data.",
)  # fmt: skip
@click.option(
    "--seeds", callback=_seeds, metavar="N,N-N", help="Of orders (gpu-placement) or windows (queue)."
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Pods, jobs or items of each case at most."
)
@click.option("--guard/--no-guard", default=True, help="Fall back to the built-in while a plugin costs more.")
@click.option("--backfill/--no-backfill", default=True, help="Of queue.")
@click.option(
    "--time-limit", type=click.FloatRange(0.1), default=60.0, show_default=True, metavar="S",
    help="Of a solver, a case.",
)  # fmt: skip
@click.option("--out", type=_PATH, metavar="DIR", help="Write report.html, summary.json and outcomes there.")
@click.option("--png", is_flag=True, help="Plots as PNG too (extra `plot`).")
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Processes at once."
)
@click.option("--resume", is_flag=True, help="Go on with the run that is in --out.")
@click.option("--allow-weak-sandbox", is_flag=True, help="Start plugins where isolation is weak.")
@json_option
@click.pass_context
def simulate(ctx: click.Context, /, task: str, data: Path, as_json: bool, **given: Any) -> None:
    """Back-test plugins and built-ins on a trace, in virtual time.

    TASK is gpu-placement, batch, queue, binpack or jobshop; DATA the file or folder of its trace.
    """
    import logging
    import shutil
    import sys

    import msgspec

    from host.simulator.main import simulate as run
    from host.simulator.plan import SimulateOptions
    from host.simulator.play import Options
    from host.simulator.table import COLUMNS, failed, parts, table

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    play = Options(
        lists=given["lists"],
        seeds=given["seeds"],
        limit=given["limit"],
        guard=given["guard"],
        time_limit_s=given["time_limit"],
        backfill=given["backfill"],
    )
    plain = {
        name: given[name]
        for name in ("policies", "plugins", "out", "jobs", "resume", "png", "allow_weak_sandbox")
    }
    if given["seeds"] and task not in SEEDED:
        click.echo(f"{task} draws nothing: --seeds says nothing here", err=True)
    finished = run(SimulateOptions(task, data, play=play, **plain))
    summary = finished.summary
    if as_json:
        print_json(msgspec.to_builtins(summary), one_line=True)
    else:
        if sys.stdout.isatty():
            together = shutil.get_terminal_size().columns >= WIDE
            for columns, rows in parts(summary, together):
                print_rows(columns, rows)
        else:
            print_rows(COLUMNS, table(summary))  # always the same columns: what reads them is a program
        unit = f" ({summary.unit})" if summary.unit else ""
        direction = "higher" if summary.higher_is_better else "lower"
        click.echo(
            f"mean: {summary.metric}{unit}, {direction} is better; difference: to {summary.compared_with}"
            " on the same cases, with its 95 % interval",
            err=True,
        )
    for line in [*summary.notes, *failed(summary)]:
        click.echo(printable(line), err=True)
    for path in finished.files:
        click.echo(f"wrote {path}", err=True)
    if not summary.complete:
        click.echo("stopped early: this is what was known", err=True)
        if finished.fault is not None:
            raise finished.fault
        ctx.exit(1)

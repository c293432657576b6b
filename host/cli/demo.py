"""`engine-ops demo`: the main job on real decisions."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Replay this job log (SWF or CSV); without it, a generated workload.",
)
@click.option("--jobs", type=int, metavar="N", help="Replay at most this many jobs.")
@click.option("--seed", type=int, metavar="N", help="Of the generated workload.")
@click.option("--seconds", type=float, metavar="S", help="Bound on the replay.")
@click.option(
    "--plugins", type=click.Path(path_type=Path), metavar="DIR", help="Instead of the sample plugins."
)
@click.option("--plain", is_flag=True, help="Lines instead of a live table.")
@click.option("--keep", is_flag=True, help="Leave the host running at the end, to look at it.")
@click.pass_context
def demo(
    ctx: click.Context,
    trace: Path | None,
    jobs: int | None,
    seed: int | None,
    seconds: float | None,
    plugins: Path | None,
    plain: bool,
    keep: bool,
) -> None:
    """Replay a workload through a host with the sample plugins, and show what happens."""
    from host.demo.main import run_demo
    from host.demo.options import DemoOptions

    # What was not given keeps the demo's own default; it is written down in one place.
    given = {"jobs": jobs, "seed": seed, "seconds": seconds}
    chosen = {name: value for name, value in given.items() if value is not None}
    ctx.exit(run_demo(DemoOptions(trace=trace, plugins=plugins, plain=plain, keep=keep, **chosen)))  # type: ignore[arg-type]

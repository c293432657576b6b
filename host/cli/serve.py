"""`engine-ops serve`: the host, until it is told to stop."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--plugins",
    type=click.Path(path_type=Path),
    default=Path("plugins"),
    show_default=True,
    metavar="DIR",
    help="Folder of plugin folders.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the host keeps what it writes and its history; a temporary folder without it.",
)
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="HOST", help="A loopback address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    metavar="N",
    help="0 takes a free one.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings of the operator.")
@click.option(
    "--allow-weak-sandbox", is_flag=True, help="Start plugins although this machine cannot hold them fully."
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one line of JSON.")
@click.pass_context
def serve(
    ctx: click.Context,
    plugins: Path,
    data: Path | None,
    bind: str,
    port: int,
    config: Path | None,
    allow_weak_sandbox: bool,
    as_json: bool,
) -> None:
    """Start the host and its plugins, and answer until stopped."""
    from host.app import serve as run
    from host.config import ServeOptions

    options = ServeOptions(
        plugins=plugins,
        data=data,
        bind=bind,
        port=port,
        config=config,
        allow_weak_sandbox=allow_weak_sandbox,
        json=as_json,
    )
    ctx.exit(run(options))

"""`engine-ops serve`: the host, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)


@click.command()
@click.option("--plugins", type=PATH, metavar="DIR", help="Folder of plugin folders.  [default: plugins]")
@click.option(
    "--data",
    type=PATH,
    metavar="DIR",
    help="Where the host keeps what it writes; a temporary folder without it.",
)
@click.option(
    "--bind",
    metavar="HOST",
    help="Address to listen on; any but the loopback's needs tokens and TLS.  [default: 127.0.0.1]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="0 takes a free one.  [default: 3000]",
)
@click.option("--tls-cert", type=PATH, metavar="FILE", help="PEM file of the certificate chain.")
@click.option("--tls-key", type=PATH, metavar="FILE", help="PEM file of its key.")
@click.option(
    "--insecure-behind-proxy", is_flag=True, default=None, help="Somebody in front of this host speaks TLS."
)
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="Settings of the operator; without it, engine-ops.toml where there is one.",
)
@click.option(
    "--allow-weak-sandbox",
    is_flag=True,
    default=None,
    help="Start plugins although this machine cannot hold them fully.",
)
@click.option(
    "--record",
    type=PATH,
    metavar="FILE",
    help="Write there what is said to plugins and by them, for bug reports and `plugin dev --replay`.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least that is logged.  [default: info]",
)
@click.option("--take-over", is_flag=True, help="Take the port over from a host that has it.")
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one line of JSON.")
@click.pass_context
def serve(ctx: click.Context, /, config: Path | None, take_over: bool, as_json: bool, **given: Any) -> None:
    """Start the host and its plugins, and answer until stopped."""
    from host.layering import settle
    from host.serving import ServeOptions
    from host.serving import serve as run

    flags = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in given.items()
        if value is not None
    }
    options = ServeOptions(lambda: settle(config=config, flags=flags), json=as_json, take_over=take_over)
    ctx.exit(run(options))

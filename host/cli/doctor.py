"""`engine-ops doctor`: what this machine can hold a plugin with, found by trying it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli.show import json_option, print_json, printable

if TYPE_CHECKING:
    from host.sandbox.doctor import Diagnosis

EXIT_REFUSED = 3
_WHAT_COLUMNS = 36


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings of the operator; without it, the defaults.",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Try every isolation layer of this machine: active or not, why, and the remedy."""
    import asyncio

    import msgspec

    from host.clock import SystemClock
    from host.config import load_config
    from host.sandbox.doctor import examine

    policy = load_config(config).sandbox
    found = asyncio.run(examine(policy, SystemClock()))
    if as_json:
        print_json(msgspec.to_builtins(found), one_line=True)
    else:
        _show(found)
    ctx.exit(0 if found.holds else EXIT_REFUSED)


def _show(found: Diagnosis) -> None:
    from host.sandbox.doctor import TIERS_SAY

    click.echo(f"Tier {found.tier}: {TIERS_SAY[found.tier]}. User {found.user}, {found.kernel}.\n")
    click.echo("Layers")
    for layer in found.layers:
        state = _coloured("active  " if layer.active else "INACTIVE", layer.active)
        click.echo(f"  {state}  {layer.name:12}{printable(layer.what or layer.why)}")
        if layer.remedy:
            click.echo(f"{'':24}remedy: {printable(layer.remedy)}")
    if found.canaries:
        click.echo("\nTried in the sandbox, and without it")
    for each in found.canaries:
        state = _coloured(f"{each.outcome:9}", each.outcome == "stopped")
        unstopped = "; nothing that this machine has stops it" if each.expected else ""
        click.echo(
            f"  {state} {each.what:{_WHAT_COLUMNS}} {printable(each.how)}{unstopped} "
            f"(without: {printable(each.control)})"
        )
    click.echo()
    click.echo(_coloured(f"{found.verdict[0].upper()}{found.verdict[1:]}.", found.holds))


def _coloured(text: str, good: bool) -> str:
    return click.style(text, fg="green" if good else "red")

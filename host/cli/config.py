"""`engine-ops config`: the settings a host would go by, and what they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from host.cli.groups import Suggesting
from host.cli.show import json_option, print_json, print_rows


@click.group(cls=Suggesting)
def config() -> None:
    """Look at the settings: engine-ops.toml, over it the environment, over that the flags."""


@config.command()
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings of the operator; without it, engine-ops.toml where there is one.",
)
@click.option("--origin", is_flag=True, help="Say where each comes from.")
@json_option
def show(file: Path | None, origin: bool, as_json: bool) -> None:
    """Show every setting as a host started now would have it."""
    from dataclasses import fields

    import msgspec

    from host.config import HostConfig
    from host.layering import settle

    settled = settle(config=file)
    rows: list[dict[str, Any]] = []
    for room in fields(HostConfig):
        held = getattr(settled.config, room.name)
        if room.name == "plugins":
            for name, settings in sorted(held.items()):
                where = settled.origin("plugins", name)
                rows.append(
                    {"key": f"plugins.{name}", "value": msgspec.to_builtins(settings), "origin": where}
                )
            continue
        for each in fields(held):
            value = getattr(held, each.name)
            where = settled.origin(room.name, each.name)
            rows.append({"key": f"{room.name}.{each.name}", "value": value, "origin": where})
    if as_json:
        names = ("key", "value", "origin") if origin else ("key", "value")
        print_json([{name: row[name] for name in names} for row in rows], one_line=True)
        return
    head = ("setting", "value", "origin") if origin else ("setting", "value")
    lines = [
        [row["key"], msgspec.json.encode(row["value"]).decode(), row["origin"]][: len(head)] for row in rows
    ]
    print_rows(head, lines)


@config.command()
@click.argument("what", type=click.Choice(["config", "manifest"]), default="config")
def schema(what: str) -> None:
    """Print the JSON Schema of engine-ops.toml, or of plugin.toml (manifest), for editors and checks."""
    from host.cli.schemas import config_schema
    from plugin_sdk.contract.manifest_schema import manifest_schema

    print_json(config_schema() if what == "config" else manifest_schema(), one_line=False)

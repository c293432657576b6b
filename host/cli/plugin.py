"""`engine-ops plugin`: the plugins of a running host; what an author does in a folder is in author.py."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Any

import click

from host.cli import author
from host.cli.client import host_options, rpc
from host.cli.groups import Suggesting
from host.cli.plugin_page import page
from host.cli.show import cell, json_option, memory, print_json, print_rows, printable

COLUMNS = (
    "name",
    "state",
    "prio",
    "types",
    "calls",
    "failed",
    "p50 ms",
    "p99 ms",
    "MiB",
    "restarts",
    "version",
)
STATE_COLUMNS = (
    "version",
    "standing",
    "next",
    "saved",
    "of version",
    "fits",
    "knows up to",
    "trained on",
    "bytes",
    "format",
)
DOWN = {"backoff", "quarantined"}
LAST_LINES = 5  # of its log, for one that is down; `plugin logs` has the rest
WIDE = 100  # columns of a terminal; a narrower one does without the version


@click.group(cls=Suggesting)
def plugin() -> None:
    """Make a plugin, and look at the plugins of a running host."""


for author_command in (author.new, author.check, author.bench, author.pack, author.dev):
    plugin.add_command(author_command)


@plugin.command("list")
@host_options
@json_option
def list_(url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """List every plugin: its state, what it is asked and what it costs."""
    result = rpc("plugins.list", url=url, token=token, timeout_s=timeout_s)
    if as_json:
        print_json(result, one_line=True)
        return
    narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE
    shown = len(COLUMNS) - narrow
    print_rows(COLUMNS[:shown], [_row(view)[:shown] for view in result["plugins"]])
    for each in result.get("refused", ()):
        click.echo(f"refused: {printable(each['folder'])}: {printable(each['why'])}", err=True)


def _row(view: dict[str, Any]) -> list[object]:
    config = view.get("config") or {}
    return [
        view.get("name"),
        view.get("state"),
        config.get("priority"),
        ", ".join(view.get("supportedTypes") or []),
        view.get("calls"),
        view.get("failures"),
        view.get("p50Ms"),
        view.get("p99Ms"),
        memory(view.get("memoryBytes")),
        view.get("restarts"),
        view.get("version"),
    ]


@plugin.command()
@click.argument("name")
@host_options
@json_option
def show(name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Show one plugin in full: state and why, limits, isolation, latencies, last exit."""
    view = _ask("plugins.get", name, url, token, timeout_s)
    if as_json:
        print_json(view, one_line=True)
        return
    if sys.stdout.isatty():
        log_lines = []
        if view["state"] in DOWN:
            params = json.dumps({"name": name, "limit": LAST_LINES})
            log_lines = rpc("plugins.logs", params, url=url, token=token, timeout_s=timeout_s)["lines"]
        print_rows(("", name), page(view, log_lines))
        return
    for key, value in view.items():
        if value is not None:
            click.echo(f"{key}\t{cell(value)}")


@plugin.command()
@click.argument("name")
@host_options
@json_option
def enable(name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Start a plugin and let it be asked."""
    _change("plugins.enable", name, url, token, timeout_s, as_json)
    _say_if_down(name, url, token, timeout_s)


@plugin.command()
@click.argument("name")
@host_options
@json_option
def disable(name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Stop a plugin; it is not asked again until it is enabled."""
    _change("plugins.disable", name, url, token, timeout_s, as_json)


@plugin.command()
@click.argument("name")
@host_options
@json_option
def restart(name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Stop a plugin's process and start it anew."""
    _change("plugins.restart", name, url, token, timeout_s, as_json)
    _say_if_down(name, url, token, timeout_s)


@plugin.command()
@click.argument("name")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    metavar="N",
    help="The last N lines.",
)
@host_options
@json_option
def logs(name: str, limit: int, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Show what a plugin wrote, oldest first."""
    params = json.dumps({"name": name, "limit": limit})
    result = rpc("plugins.logs", params, url=url, token=token, timeout_s=timeout_s)
    if as_json:
        print_json(result, one_line=True)
        return
    for line in result["lines"]:
        click.echo(printable(line.expandtabs()) if isinstance(line, str) else cell(line))


@plugin.command()
@click.argument("name")
@host_options
@json_option
def states(name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """List what is kept of what a plugin has learned, the newest first."""
    result = _ask("plugins.states", name, url, token, timeout_s)
    if as_json:
        print_json(result, one_line=True)
        return
    print_rows(STATE_COLUMNS, [_state_row(each) for each in result["states"]])


def _state_row(state: dict[str, Any]) -> list[object]:
    saved = state.get("savedAt")
    return [
        state["version"],
        state["standing"],
        "yes" if state["next"] else None,
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(saved / 1000.0)) if saved is not None else None,
        state.get("pluginVersion"),
        "yes" if state["fits"] else "no",
        state.get("seq"),
        state.get("trainedPoints"),
        state.get("bytes"),
        state.get("format"),
    ]


@plugin.command()
@click.argument("name")
@click.option(
    "--to",
    "version",
    type=click.IntRange(min=1),
    metavar="VERSION",
    help="Of the state, as `plugin states` lists it; without it, the one before the newest.",
)
@host_options
@json_option
def rollback(
    name: str, version: int | None, url: str, token: str | None, timeout_s: float, as_json: bool
) -> None:
    """Start a plugin anew from an earlier saved state; later ones are withdrawn."""
    params = json.dumps({"name": name} | ({"version": version} if version is not None else {}))
    _say(rpc("plugins.rollback", params, url=url, token=token, timeout_s=timeout_s), as_json)


def _ask(method: str, name: str, url: str, token: str | None, timeout_s: float) -> Any:
    return rpc(method, json.dumps({"name": name}), url=url, token=token, timeout_s=timeout_s)


def _change(method: str, name: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    _say(_ask(method, name, url, token, timeout_s), as_json)


def _say_if_down(name: str, url: str, token: str | None, timeout_s: float) -> None:
    """The order was carried out; whether the plugin serves now is another matter, and what its giver wants to know."""
    view = _ask("plugins.get", name, url, token, timeout_s)
    if view["state"] in DOWN:
        click.echo(f"{printable(name)} is {view['state']}: {printable(view['stateWhy'])}", err=True)


def _say(result: Any, as_json: bool) -> None:
    if as_json:
        print_json(result, one_line=True)
    else:
        click.echo(f"{printable(result['name'])}: {printable(result['message'])}")

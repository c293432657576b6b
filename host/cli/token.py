"""`engine-ops token`: who may call a host. Works on its data directory, whether it runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.groups import Suggesting
from host.cli.show import json_option, print_json, print_rows

if TYPE_CHECKING:
    from host.gateway.access.tokens import TokenStore

ROLES = ("read", "operate", "admin")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The host's data directory; without it, the one of the settings.",
)


@click.group(cls=Suggesting)
def token() -> None:
    """Make, list and take back the tokens that a host asks for."""


@token.command("new")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="operate",
    show_default=True,
    help="read: look; operate: ask and switch too; admin: configure too.",
)
@click.option("--expires", metavar="TIME", help="After which it opens nothing, such as 12h or 30d.")
@data_option
@json_option
def new(name: str, role: str, expires: str | None, data: Path | None, as_json: bool) -> None:
    """Make a token. Its text is printed now and never again: the host keeps a digest of it."""
    import time

    lives_s = _seconds(expires)
    store = _store(data)
    made, text = store.new(name, role, time.time() * 1000.0, lives_s)  # type: ignore[arg-type]  # click checked it
    _note(store, "token.new", made.name, {"id": made.id, "role": made.role})
    if as_json:
        print_json({"id": made.id, "name": made.name, "role": made.role, "token": text}, one_line=True)
        return
    click.echo(text)
    click.echo(f"Token {made.id} ({made.name}, {made.role}); it is not shown again.", err=True)


@token.command()
@click.argument("which", metavar="NAME|ID")
@data_option
def revoke(which: str, data: Path | None) -> None:
    """Take a token back; a running host refuses it from its next request on."""
    import time

    store = _store(data)
    gone = store.revoke(which, time.time() * 1000.0)
    _note(store, "token.revoke", gone.name, {"id": gone.id, "role": gone.role})
    click.echo(f"Token {gone.id} ({gone.name}) is revoked.", err=True)


@token.command("list")
@data_option
@json_option
def list_(data: Path | None, as_json: bool) -> None:
    """List every token: name, role and whether it holds; never its text."""
    import time

    now_ms = time.time() * 1000.0
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "role": each.role,
            "createdAt": each.created_at,
            "expiresAt": each.expires_at,
            "state": "revoked"
            if each.revoked_at is not None
            else "holds"
            if each.holds(now_ms)
            else "expired",
        }
        for each in _store(data).all()
    ]
    if as_json:
        print_json({"tokens": rows}, one_line=True)
        return
    shown: list[list[Any]] = [[row["id"], row["name"], row["role"], row["state"]] for row in rows]
    print_rows(("id", "name", "role", "state"), shown)


def _store(data: Path | None) -> TokenStore:
    from host.gateway.access.tokens import TokenStore

    if data is None:
        from host.layering import settle

        kept = settle().config.serve.data
        if not kept:
            raise click.UsageError("no data directory is set; give the host's with --data DIR")
        data = Path(kept)
    return TokenStore(data)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in UNITS and int(number) > 0):
        raise click.UsageError(f"--expires is {text!r}; give a time such as 12h or 30d")
    return int(number) * UNITS[unit]


def _note(store: TokenStore, what: str, target: str, after: dict[str, str]) -> None:
    """A line in the record of changes, beside those of the host."""
    import getpass
    import time

    from host.gateway.access.audit import AuditLog, Change

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    change = Change(time.time() * 1000.0, f"operator ({user})", what, target, "command line", after=after)
    AuditLog(store.path.parent).append(change)

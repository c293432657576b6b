"""`engine-ops call`: one JSON-RPC call to a running host."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from host.cli.client import RpcError, host_options, rpc
from host.cli.show import json_option, print_json


@click.command()
@click.argument("method")
@click.argument("params", metavar="[JSON]", default="{}")
@host_options
@json_option
def call(method: str, params: str, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Make one JSON-RPC call to a running host.

    JSON holds the parameters: the text itself, @FILE to read a file, or - to read standard input.

    \b
    engine-ops call host.info
    engine-ops call plugins.get '{"name": "runtime-forest"}'
    engine-ops call engine.optimize @request.json
    """
    text = checked(*read(params))
    try:
        result = rpc(method, text, url=url, token=token, timeout_s=timeout_s)
    except RpcError as error:
        import json

        click.echo(json.dumps(error.error), err=True)
        raise click.exceptions.Exit(error.exit_code) from None
    print_json(result, one_line=as_json)


def read(params: str) -> tuple[str, str]:
    """The text of the parameters, and where it came from, for messages."""
    try:
        if params == "-":
            return sys.stdin.buffer.read().decode("utf-8"), "standard input"
        if params.startswith("@"):
            return Path(params[1:]).read_text("utf-8"), params[1:]
    except OSError as error:
        raise click.UsageError(
            f"cannot read {params[1:]}: {error.strerror}; give @ and a file's path"
        ) from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{params.lstrip('@')} is not UTF-8; give JSON as UTF-8") from None
    return params, "the argument"


def checked(text: str, source: str) -> str:
    """*text* again, if it is strict JSON of an object or an array.

    Raises:
        click.UsageError: It is not; says where in it and what would be right.
    """
    import json

    def refuse(word: str) -> NoReturn:
        raise click.UsageError(
            f"{source} holds {word}, which is no JSON number; give a finite number or null"
        )

    try:
        value: Any = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise click.UsageError(
            f"{source} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}; "
            """give an object such as '{"name": "runtime-forest"}'"""
        ) from None
    except (RecursionError, ValueError) as error:
        raise click.UsageError(f"{source} cannot be read: {error}") from None
    if not isinstance(value, dict | list):
        raise click.UsageError(
            f"""{source} is {text.strip()[:60]}; give the parameters by name, such as '{{"name": "x"}}'"""
        )
    return text

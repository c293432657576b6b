"""The command itself: quick help, exit codes, suggestions."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from host import __version__
from host.cli.main import _Root, cli
from host.errors import ConfigError, NoAnswerError
from host.gateway.http import ListenError


def test_help_names_every_command_and_how_to_go_on() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert [name for name in cli.commands if name in result.output] == list(cli.commands)


def test_every_command_has_help() -> None:
    def walk(command: click.Command, path: list[str]) -> None:
        result = CliRunner().invoke(cli, [*path, "--help"])
        assert result.exit_code == 0, path
        assert command.help, path
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                walk(inner, [*path, name])

    walk(cli, [])


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['engine-ops', '--help']\n"
        "try: runpy.run_module('host.cli.main', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'aiohttp', 'asyncio', 'http.client', 'jsonrpcserver', 'msgspec', 'numpy', 'rich', 'sklearn', 'uvloop'}\n"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert "Commands:" in done.stdout
    assert done.stderr == ""


def test_help_costs_less_than_150_ms_of_cpu() -> None:
    costs = []
    for _ in range(5):
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "host.cli.main", "--help"], capture_output=True, check=True, timeout=30
        )
        after = os.times()
        costs.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert min(costs) < 0.150


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"engine-ops, version {__version__}\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["serv"], "did you mean 'serve'?"),
        (["plugin", "lst"], "did you mean 'list'?"),
        (["workload", "stat"], "did you mean 'stats'?"),
        (["zzzzzz"], "the commands are demo, serve, call, plugin, workload"),
        (["serve", "--prt", "1"], "--port"),
    ],
)
def test_a_typo_gets_a_suggestion_and_exit_code_2(args: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("port is -1; give 0 to 65535"), 2),
        (ListenError("port 1 is in use; choose another"), 1),
        (NoAnswerError("nobody could answer"), 1),
    ],
)
def test_an_error_of_ours_is_one_line_and_an_exit_code(error: Exception, code: int) -> None:
    root = _Root("root")

    @root.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(root, ["fail"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"Error: {error}\n", "")


def test_a_fault_of_the_program_is_not_hidden() -> None:
    root = _Root("root")

    @root.command()
    def fail() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(root, ["fail"]).exception, ZeroDivisionError)

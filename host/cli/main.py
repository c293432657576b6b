"""The command and what becomes of its errors.

Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 3 refused, 4 timed out.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from host import __version__
from host.cli.call import call
from host.cli.config import config
from host.cli.demo import demo
from host.cli.doctor import doctor
from host.cli.groups import Suggesting
from host.cli.plugin import plugin
from host.cli.serve import serve
from host.cli.simulate import simulate
from host.cli.token import token
from host.cli.workload import workload


class _Root(Suggesting):
    """Turns the errors this project raises on purpose into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            told = _told(error)
            if told is None:
                raise
            raise told from error


class _WrongConfiguration(click.ClickException):
    exit_code = 2


def _told(error: Exception) -> click.ClickException | None:
    # Whoever raised one of ours has imported the module; importing it here would slow down `--help`.
    errors = sys.modules.get("host.errors")
    if errors is None or not isinstance(error, errors.EngineOpsError):
        return None
    return (_WrongConfiguration if isinstance(error, errors.ConfigError) else click.ClickException)(
        str(error)
    )


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="engine-ops")
def cli() -> None:
    """Scheduling and resource allocation, decided by plugins that cannot do harm."""


for command in (demo, serve, call, plugin, workload, simulate, doctor, token, config):
    cli.add_command(command)


def main() -> None:
    """The console command."""
    cli(prog_name="engine-ops")


if __name__ == "__main__":
    main()

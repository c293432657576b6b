"""`engine-ops workload`: the history of a running host."""

from __future__ import annotations

import json

import click

from host.cli.client import host_options, rpc
from host.cli.groups import Suggesting
from host.cli.show import json_option, print_json, print_rows


@click.group(cls=Suggesting)
def workload() -> None:
    """Look at the history that plugins learn from."""


@workload.command()
@click.option("--type", "request_type", metavar="TYPE", help="Points of this request type alone.")
@host_options
@json_option
def stats(request_type: str | None, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Count the points, by type, with their success rate and mean duration."""
    params = json.dumps({"type": request_type} if request_type is not None else {})
    result = rpc("workload.stats", params, url=url, token=token, timeout_s=timeout_s)
    if as_json:
        print_json(result, one_line=True)
        return
    rows = [
        (name, part["count"], part["successRate"], part["avgDuration"])
        for name, part in result["byType"].items()
    ]
    rows.append(("all", result["totalRequests"], result["successRate"], result["avgDuration"]))
    print_rows(("type", "count", "success rate", "mean duration ms"), rows)

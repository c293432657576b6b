"""`engine-ops workload`: the history of a running host."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from host.cli.client import FailedError, host_options, rpc
from host.cli.groups import Suggesting
from host.cli.show import json_option, print_json, print_rows

FORMATS = ("ndjson", "csv", "json", "parquet", "arrow")
BATCH_POINTS = 1000
BATCH_BYTES = 2 * 1024 * 1024  # of one call; the host takes bodies of 8 MiB


@click.group(cls=Suggesting)
def workload() -> None:
    """Look at the history that plugins learn from; take it out and put it in."""


@workload.command()
@click.option("--type", "request_type", metavar="TYPE", help="Points of this request type alone.")
@host_options
@json_option
def stats(request_type: str | None, url: str, token: str | None, timeout_s: float, as_json: bool) -> None:
    """Count the points, by type, with success rates, and durations in milliseconds."""
    params = json.dumps({"type": request_type} if request_type is not None else {})
    result = rpc("workload.stats", params, url=url, token=token, timeout_s=timeout_s)
    if as_json:
        print_json(result, one_line=True)
        return
    rows = [
        (
            *(name, part["count"], part["successRate"], part["avgDuration"]),
            *(part.get("duration", {}).get(each) for each in ("p50", "p95", "p99")),
        )
        for name, part in result["byType"].items()
    ]
    rows.append(
        ("all", result["totalRequests"], result["successRate"], result["avgDuration"], None, None, None)
    )
    print_rows(("type", "count", "success rate", "mean duration ms", "p50 ms", "p95 ms", "p99 ms"), rows)


@workload.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="ndjson", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of stdout."
)
@click.option("--type", "type", metavar="TYPE", help="Points of this request type alone.")
@click.option("--start", type=float, metavar="MS", help="Not before this time, ms since the epoch.")
@click.option("--end", type=float, metavar="MS", help="Not after this time, ms since the epoch.")
@click.option("--plugin", metavar="NAME", help="Of requests that this plugin decided, and their outcomes.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The latest N points alone.")
@host_options
@json_option
def export(
    form: str,
    out: Path | None,
    limit: int | None,
    url: str,
    token: str | None,
    timeout_s: float,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Write the points out, oldest first."""
    from host.cli.spool import Spool

    selection = {name: value for name, value in chosen.items() if value is not None}
    binary = form in ("parquet", "arrow")
    if binary and out is None and sys.stdout.isatty():
        raise click.UsageError(f"{form} is no text; give --out FILE")

    def page(params: dict[str, Any]) -> Any:
        return rpc("workload.query", json.dumps(params), url=url, token=token, timeout_s=timeout_s)

    with Spool() as spool:
        spool.fill(page, selection, limit)
        count = spool.write(form, out)
    if as_json and out is not None:  # on stdout the data are all there may be
        print_json({"exported": count}, one_line=True)
    else:
        click.echo(f"{count} points", err=True)


@workload.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice((*FORMATS, "swf")), help="Told by the file's name without it."
)
@host_options
@json_option
def import_(
    file: Path, form: str | None, url: str, token: str | None, timeout_s: float, as_json: bool
) -> None:
    """Record the points of FILE: what export wrote, or a job log (SWF or CSV; --format swf)."""
    from host.cli.joblog import is_job_log, points_of
    from host.errors import ConfigError
    from host.workload.formats.reading import read_points

    recorded = 0
    points = points_of(file) if is_job_log(file, form) else read_points(file, form)
    try:
        for batch in _batches(points):
            params = b'{"points":[%s]}' % b",".join(batch)
            answer = rpc("workload.record", params.decode(), url=url, token=token, timeout_s=timeout_s)
            recorded += answer["recorded"]
    except FailedError as error:
        raise FailedError(f"{error.message}; {recorded} points before these were recorded") from error
    except ConfigError as error:
        raise ConfigError(f"{error}; {recorded} points before it were recorded") from error
    if as_json:
        print_json({"recorded": recorded}, one_line=True)
    else:
        click.echo(f"{recorded} points recorded")


def _batches(points: Any) -> Any:
    import msgspec

    batch: list[bytes] = []
    size = 0
    for point in points:
        line = msgspec.json.encode(point.to_dict())
        if batch and (len(batch) == BATCH_POINTS or size + len(line) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch

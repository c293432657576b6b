"""History out of a host and into it, by the command line."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from host.cli.main import cli
from host.clock import SystemClock
from host.workload.config import HistoryConfig
from host.workload.history import History
from host.workload.selection import Selection
from plugin_sdk.contract.workload import WorkloadDataPoint

_ALL = Selection()
SWF = """; MaxProcs: 100
1 0 10 60 4 -1 -1 4 120 -1 1 7 -1 -1 -1 -1 -1 -1
2 30 0 500 8 -1 -1 8 400 -1 1 9 -1 -1 -1 -1 -1 -1
"""


def point(n):
    return WorkloadDataPoint(
        float(n), "ab"[n % 2], {"cpu": n / 2}, 5.0, True, {"n": n}, {"user": f"u{n % 3}", "procs": n}
    )


@pytest.fixture
async def history(served, tmp_path):
    """A real history behind the served host."""
    made = History(tmp_path / "history", HistoryConfig(), SystemClock())
    await made.open()
    host = served.host
    host.record, host.workload_query, host.workload_stats = made.record, made.query, made.statistics
    yield made
    await made.aclose()


async def run(served, *args):
    return await asyncio.to_thread(CliRunner().invoke, cli, ["workload", *args, "--url", served.url])


@pytest.mark.parametrize("form", ["ndjson", "csv", "json", "parquet", "arrow"])
async def test_what_is_exported_can_be_imported_in_every_format(served, history, tmp_path, form):
    if form in ("parquet", "arrow"):
        pytest.importorskip("pyarrow", reason="NO PYARROW: Parquet and Arrow are not tried")
    points = [point(n) for n in range(7000)]
    await history.record(points)
    file = tmp_path / f"out.{form}"
    result = await run(served, "export", "--format", form, "--out", str(file))
    assert (result.exit_code, result.stderr) == (0, "7000 points\n")
    await history.clear()
    result = await run(served, "import", str(file), "--json")
    assert json.loads(result.stdout) == {"recorded": 7000}
    found = [line async for lines in history.chunks(_ALL) for line in lines]
    assert [WorkloadDataPoint.from_dict(json.loads(line)) for line in found] == points


async def test_a_selection_goes_to_stdout_oldest_first(served, history):
    await history.record([point(n) for n in range(20)])
    result = await run(served, "export", "--type", "a", "--start", "5", "--limit", "3")
    assert (result.exit_code, result.stderr) == (0, "3 points\n")
    assert [json.loads(line)["timestamp"] for line in result.stdout.splitlines()] == [14, 16, 18]


async def test_a_job_log_becomes_history(served, history, tmp_path):
    log = tmp_path / "log.swf"
    log.write_text(SWF)
    result = await run(served, "import", str(log))
    assert result.stdout == "2 points recorded\n"
    rows = [json.loads(line) async for lines in history.chunks(_ALL) for line in lines]
    assert [row["features"]["procs"] for row in rows] == [4, 8]
    assert [(row["duration"], row["success"]) for row in rows] == [(60_000, True), (400_000, False)]


async def test_stats_have_percentiles(served, history):
    await history.record([point(n) for n in range(4)])
    result = await run(served, "stats")
    row = next(line for line in result.stdout.splitlines() if line.startswith("a\t")).split("\t")
    assert [float(cell) for cell in row[-3:]] == [5.0, 5.0, 5.0]


async def test_a_file_that_cannot_be_used_is_wrong_usage(served, history, tmp_path):
    file = tmp_path / "bad.ndjson"
    file.write_text("{}\n")
    result = await run(served, "import", str(file))
    assert result.exit_code == 2
    assert "bad.ndjson:1" in result.stderr
    file = tmp_path / "cut.json"
    rows = [json.dumps(point(n).to_dict()) for n in range(1500)]
    file.write_text("[" + ",".join(rows)[:-10])
    result = await run(served, "import", str(file))
    assert result.exit_code == 2
    assert "ends within point 1500" in result.stderr
    assert "1000 points before it were recorded" in result.stderr

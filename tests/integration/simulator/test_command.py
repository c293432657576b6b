"""The command as people use it: stopped by Ctrl-C and taken up again, with pictures, from several processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from .back_test import COMMAND, WITHIN_S, begun, launched

STREAMS = 24


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    """Streams of 4,000 items each, some tenths of a second a stream."""
    path = tmp_path / "streams.json"
    items = [(each * 7919) % 61 + 20 for each in range(4000)]
    path.write_text(
        json.dumps({"g": {f"s{n:02}": {"capacity": 150, "items": items} for n in range(STREAMS)}})
    )
    return path


def started(streams: Path, out: Path, jobs: int) -> tuple[subprocess.Popen[str], list[str]]:
    """A run with three cases done, and its arguments."""
    arguments = ["binpack", str(streams), "--out", str(out), "--json", "--jobs", str(jobs)]
    return begun(arguments, out, 3), arguments


def has_ended(process: psutil.Process) -> bool:
    """Also where nobody reaps it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_run_that_is_killed_leaves_no_worker_and_is_taken_up_again(streams: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process, arguments = started(streams, out, 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=WITHIN_S)
    until = time.monotonic() + WITHIN_S
    while not all(has_ended(each) for each in workers):
        assert time.monotonic() < until, workers
        time.sleep(0.02)
    assert workers
    rest = subprocess.run(
        [*COMMAND, *arguments, "--resume"], capture_output=True, text=True, timeout=4 * WITHIN_S, check=True
    )
    assert [row["cases"] for row in json.loads(rest.stdout)["rows"]] == [STREAMS, STREAMS]
    assert (out / "outcomes.ndjson").read_bytes().count(b"\n") in (2 * STREAMS, 2 * STREAMS + 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_tells_what_is_known_and_resume_does_the_rest(
    streams: Path, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    process, arguments = started(streams, out, jobs)
    kept = out / "outcomes.ndjson"
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1, stderr
    assert "stopped early" in stderr and "Traceback" not in stderr
    first = json.loads(stdout)
    assert not first["complete"] and 0 < first["rows"][0]["cases"] < STREAMS
    assert "stopped early" in (out / "report.html").read_text()
    known = kept.read_bytes().splitlines()
    rest = subprocess.run(
        [*COMMAND, *arguments, "--resume"], capture_output=True, text=True, timeout=4 * WITHIN_S, check=True
    )
    assert [row["cases"] for row in json.loads(rest.stdout)["rows"]] == [STREAMS, STREAMS]
    assert kept.read_bytes().splitlines()[: len(known)] == known


@pytest.mark.parametrize("used_s", [0.02, 0.04, 0.06, 0.1])
def test_ctrl_c_while_workers_are_starting_is_told_without_a_traceback(
    streams: Path, tmp_path: Path, used_s: float
) -> None:
    process = launched(["binpack", str(streams), "--out", str(tmp_path / "out"), "--json", "--jobs", "2"])
    until = time.monotonic() + WITHIN_S
    while workers_of(process, used_s) < 2:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1 and "stopped early" in stderr
    assert "Traceback" not in stderr


def workers_of(process: subprocess.Popen[str], used_s: float) -> int:
    """How many have had so many seconds of a processor: they import for some tenths."""
    count = 0
    for each in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            is_worker = any("spawn_main" in part for part in each.cmdline())
            count += is_worker and sum(each.cpu_times()[:2]) >= used_s
    return count

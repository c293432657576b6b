"""Plugins in the loop, in their sandboxes: those that help, fail and die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Folders

from .back_test import COMMAND, WITHIN_S, begun

WEAK = "--allow-weak-sandbox"
STREAM = {"capacity": 10, "items": [3, 7, 5, 5, 4, 6, 2, 8] * 5}

TIGHTEST = """
class Plugin:
    def score(self, task, candidates):
        return [-each["left"] for each in candidates]
"""
DIES = """
import os

class Plugin:
    def score(self, task, candidates):
        if task["seen"] == 12:
            os._exit(3)
        return [-each["left"] for each in candidates]
"""
HANGS = """
import time

class Plugin:
    def score(self, task, candidates):
        time.sleep(600)
"""
TALKS_NONSENSE = """
class Plugin:
    def score(self, task, candidates):
        return [1.0]
"""


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    path = tmp_path / "streams.json"
    path.write_text(json.dumps({"g": {"a": STREAM, "b": STREAM}}))
    return path


def test_ctrl_c_ends_workers_whose_plugins_hang(folders: Folders, streams: Path, tmp_path: Path) -> None:
    """Each of their questions takes five seconds to be given up, and there are eighty."""
    folder, out = folders.write("hangs", HANGS, handles='["scheduling"]'), tmp_path / "out"
    given = ["binpack", str(streams), "--plugin", str(folder), "--out", str(out), "--jobs", "2", "--no-guard"]
    process = begun([WEAK, *given], out, 2)
    os.killpg(process.pid, signal.SIGINT)
    stderr = process.communicate(timeout=WITHIN_S)[1]
    assert process.returncode == 1 and "stopped early" in stderr
    assert "Traceback" not in stderr and "ERROR" not in stderr


def simulate(*arguments: object) -> Any:
    done = subprocess.run(
        [*COMMAND, WEAK, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {row["decider"]: row for row in json.loads(done.stdout)["rows"]}


def test_plugins_that_help_fail_and_die_are_compared_in_one_run(
    folders: Folders, streams: Path, tmp_path: Path
) -> None:
    made = [
        folders.write(name, code, handles='["scheduling"]')
        for name, code in (("tightest", TIGHTEST), ("dies", DIES), ("nonsense", TALKS_NONSENSE))
    ]
    out = tmp_path / "out"
    given = [part for folder in made for part in ("--plugin", folder)]
    rows = simulate("binpack", streams, *given, "--out", out, "--jobs", 2)
    best = rows["best-fit"]["mean"]
    assert rows["tightest"]["mean"] == best
    assert (rows["tightest"]["calls"], rows["tightest"]["failures"], rows["tightest"]["fallbacks"]) == (
        80,
        0,
        0,
    )
    assert rows["tightest"]["p50Ms"] > 0
    assert rows["dies"]["failures"] >= 2 and rows["dies"]["mean"] == best
    assert rows["nonsense"]["failures"] == rows["nonsense"]["fallbacks"] >= 40
    assert rows["nonsense"]["mean"] == best
    page = (out / "report.html").read_text()
    assert all(name in page for name in ("tightest", "dies", "nonsense"))
    again = simulate("binpack", streams, *given, "--out", out, "--resume")
    assert again == rows

"""`engine-ops plugin bench` and `dev`, as an author calls them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def engine_ops(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "engine-ops"), *args], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert engine_ops("plugin", "new", "my-first", cwd=tmp_path).returncode == 0
    return tmp_path / "my-first"


def test_bench_gives_every_figure_beside_the_floor(folder: Path) -> None:
    args = ("plugin", "bench", ".", "--seconds", "0.2", "--json", "--allow-weak-sandbox")
    done = engine_ops(*args, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for side in ("plugin", "echo"):
        for figure in ("startMs", "p50Ms", "p99Ms", "callsPerS", "memoryBytes"):
            assert found[side][figure] > 0, (side, figure)
    assert found["plugin"]["trainMs"] > 0 and found["plugin"]["trainPoints"] == 400
    assert found["echo"]["trainMs"] is None


def test_dev_shows_what_it_says_to_every_question(folder: Path) -> None:
    done = engine_ops("plugin", "dev", ".", "--once", "--allow-weak-sandbox", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "taught 400 made-up points" in done.stdout
    assert '"expected_duration"' in done.stdout


def test_dev_says_what_is_wrong_and_ends_with_1(folder: Path) -> None:
    code = folder / "plugin.py"
    code.write_text(code.read_text().replace("confidence=0.6", "confidence=6"))
    done = engine_ops("plugin", "dev", ".", "--once", "--allow-weak-sandbox", cwd=folder)
    assert done.returncode == 1
    assert "confidence is 6" in done.stdout


def test_a_recording_is_replayed_and_a_change_of_mind_is_found(folder: Path) -> None:
    args = ("plugin", "dev", ".", "--once", "--allow-weak-sandbox")
    assert engine_ops(*args, "--record", "../session.jsonl", cwd=folder).returncode == 0
    lines = [json.loads(line) for line in (folder.parent / "session.jsonl").read_text().splitlines()]
    assert {line["to"] for line in lines} == {"plugin", "host"}
    again = engine_ops(*args, "--replay", "../session.jsonl", cwd=folder)
    assert again.returncode == 0, again.stdout
    assert "0 not" in again.stdout
    code = folder / "plugin.py"
    code.write_text(code.read_text().replace("confidence=0.6", "confidence=0.7"))
    changed = engine_ops(*args, "--replay", "../session.jsonl", cwd=folder)
    assert changed.returncode == 1
    assert "predict differs" in changed.stdout


def test_what_is_no_recording_is_wrong_usage(folder: Path) -> None:
    done = engine_ops("plugin", "dev", ".", "--once", "--replay", "README.md", cwd=folder)
    assert done.returncode == 2
    assert "README.md:1 is no line of a recording" in done.stderr


def test_dev_asks_again_when_the_folder_changes(folder: Path) -> None:
    process = subprocess.Popen(
        [str(BIN / "engine-ops"), "plugin", "dev", ".", "--allow-weak-sandbox"],
        cwd=folder,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        wait_for(process, b"waiting for a change")
        code = folder / "plugin.py"
        code.write_text(code.read_text().replace("confidence=0.6", "confidence=0.123"))
        wait_for(process, b"0.123")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def wait_for(process: subprocess.Popen[bytes], words: bytes) -> None:
    """Reads until *words* come, for at most a minute."""
    assert process.stdout is not None
    heard = b""
    until = time.monotonic() + 60
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while words not in heard:
            assert time.monotonic() < until, heard.decode()
            if selector.select(1.0):
                data = os.read(process.stdout.fileno(), 65536)
                assert data, heard.decode()
                heard += data

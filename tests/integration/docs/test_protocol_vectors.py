"""The vectors hold for real plugins: without an SDK in two languages, and with the SDK's runner."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk.testing.conformance.patterns import fits

ROOT = Path(__file__).parents[3]
VECTORS: list[dict[str, Any]] = json.loads(
    (ROOT / "docs" / "reference" / "protocol" / "vectors.json").read_text(encoding="utf-8")
)
FOLDERS = sorted(path.parent for path in (ROOT / "sample_plugins").glob("*/plugin.toml"))


def command(folder: Path) -> list[str]:
    manifest = tomllib.loads((folder / "plugin.toml").read_text(encoding="utf-8"))["plugin"]
    if "command" in manifest:
        return list(manifest["command"])
    return [sys.executable, "-m", "plugin_sdk.runner", "--entry", manifest["entry"], "--folder", str(folder)]


def converse(folder: Path, lines: list[Any]) -> tuple[list[Any], int]:
    sent = "".join(
        (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines
    )
    done = subprocess.run(
        command(folder),
        cwd=folder,
        input=sent.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def try_on(folder: Path, vector: dict[str, Any]) -> list[str]:
    """What is wrong; nothing when all is well."""
    answers, status = converse(folder, vector["send"])
    wrong = []
    answers = [each for each in answers if each.get("method") not in ("log", "$/progress")]
    for expected in vector["expect"]:
        found = next((each for each in answers if fits(expected["message"], each)), None)
        if found is not None:
            answers.remove(found)
        elif not expected.get("optional"):
            wrong.append(f"{vector['name']}: nothing fits {expected['message']}")
    wrong += [f"{vector['name']}: nobody asked for {each}" for each in answers]
    if "exit" in vector and status != vector["exit"]:
        wrong.append(f"{vector['name']}: it exited with {status}, not {vector['exit']}")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_sample_answers_every_vector_that_concerns_it(folder: Path) -> None:
    program = command(folder)[0]
    if "/" not in program and not shutil.which(program):
        pytest.skip(f"this machine has no {program}: nothing was tried")
    hello = VECTORS[0]["send"][0]
    (greeting,), _ = converse(folder, [hello])
    capabilities = greeting["result"]["capabilities"]
    handles = tomllib.loads((folder / "plugin.toml").read_text(encoding="utf-8"))["plugin"]["handles"]
    # The runner is one for all: the whole list is tried on the plugin that starts fastest, and on those without an SDK.
    whole = folder.name == "simple_predictor" or "-m" not in command(folder)
    chosen = [
        vector
        for vector in VECTORS
        if set(vector.get("needs", ())) <= set(capabilities)
        and vector.get("handles", handles[0]) in handles
        and (whole or "needs" in vector or vector["name"] == "handshake")
    ]
    assert len(chosen) >= 3
    # Each conversation has a process of its own, and most of it is the start: two at a time.
    with ThreadPoolExecutor(max_workers=2) as pool:
        faults = list(pool.map(partial(try_on, folder), chosen))
    assert [fault for each in faults for fault in each] == []

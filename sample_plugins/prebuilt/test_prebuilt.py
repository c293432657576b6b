"""Each prebuilt plugin does what every plugin must."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plugin_sdk.testing import run

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/plugin.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_passes_the_checks(folder: Path) -> None:
    report = run(folder, config={"trees": 30}, calls=300, seconds=5.0)
    assert not report.warned, report.text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["queue_bandit", "online_duration"])
def test_it_passes_them_in_the_sandbox_too(name: str) -> None:
    """One that optimizes and one that predicts: there the conversations of the protocol's page are tried besides."""
    command = [Path(sys.executable).parent / "engine-ops", "plugin", "check", FOLDERS[0].parent / name]
    done = subprocess.run(
        [*command, "--calls", "100", "--allow-weak-sandbox"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_one_for_each_model() -> None:
    assert len(FOLDERS) == 7

"""Each prebuilt plugin does what every plugin must."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_sdk.testing import run

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/plugin.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_passes_the_checks(folder: Path) -> None:
    report = run(folder, config={"trees": 30}, calls=300, seconds=5.0)
    assert not report.warned, report.text()


def test_there_is_one_for_each_model() -> None:
    assert len(FOLDERS) == 7
